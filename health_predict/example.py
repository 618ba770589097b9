"""One made-up encounter that looks like a real one, for a first prediction and for documents. Nobody's record."""

from health_predict.columns import DRUGS
from health_predict.features import Value

EXAMPLE: dict[str, Value] = {
    "race": "Caucasian",
    "gender": "Female",
    "age": "[70-80)",
    "admission_type_id": 1,
    "discharge_disposition_id": 6,
    "admission_source_id": 7,
    "time_in_hospital": 5,
    "medical_specialty": "InternalMedicine",
    "num_lab_procedures": 52,
    "num_procedures": 1,
    "num_medications": 18,
    "number_outpatient": 0,
    "number_emergency": 1,
    "number_inpatient": 2,
    "diag_1": "428",
    "diag_2": "250.02",
    "diag_3": "401",
    "number_diagnoses": 9,
    "max_glu_serum": None,
    "A1Cresult": ">8",
    **dict.fromkeys(DRUGS, "No"),
    "metformin": "Steady",
    "insulin": "Up",
    "change": "Ch",
    "diabetesMed": "Yes",
}
