"""The 50 columns of the UCI file "Diabetes 130-US hospitals", declared once, as data.

The file schema, the request schema, the features, the record encoder and the documents are driven by this table.
Source of names, categories and codes: the UCI data set 296 and its IDs_mapping.csv (CC BY 4.0). No pandas here.
"""

from dataclasses import dataclass
from typing import Literal

MISSING_MARKER = "?"  # the only one: the string "None" in A1Cresult and max_glu_serum means "not measured"

Kind = Literal["identifier", "integer", "category", "code", "diagnosis"]
Role = Literal["identifier", "input", "unused", "target"]


@dataclass(frozen=True)
class Column:
    """One column of the raw file.

    Attributes:
        kind: identifier and integer are whole numbers, category one of `categories`, code one of the integers
            `codes`, diagnosis an ICD-9-CM code.
        role: `unused` columns are read and checked but feed no feature.
        low, high: inclusive range of an integer or identifier.
        missing: whether the file may hold "?" here.
    """

    name: str
    kind: Kind
    role: Role = "input"
    categories: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    low: int = 0
    high: int = 0
    missing: bool = False
    meaning: str = ""


AGES = tuple(f"[{start}-{start + 10})" for start in range(0, 100, 10))
WEIGHTS = (*(f"[{start}-{start + 25})" for start in range(0, 200, 25)), ">200")
RACES = ("AfricanAmerican", "Asian", "Caucasian", "Hispanic", "Other")
GENDERS = ("Female", "Male", "Unknown/Invalid")
GLUCOSE = ("None", "Norm", ">200", ">300")
A1C = ("None", "Norm", ">7", ">8")
DOSAGES = ("No", "Down", "Steady", "Up")
READMISSIONS = ("NO", ">30", "<30")
PAYERS = ("BC", "CH", "CM", "CP", "DM", "FR", "HM", "MC", "MD", "MP", "OG", "OT", "PO", "SI", "SP", "UN", "WC")
SPECIALTIES = (
    "AllergyandImmunology",
    "Anesthesiology",
    "Anesthesiology-Pediatric",
    "Cardiology",
    "Cardiology-Pediatric",
    "DCPTEAM",
    "Dentistry",
    "Dermatology",
    "Emergency/Trauma",
    "Endocrinology",
    "Endocrinology-Metabolism",
    "Family/GeneralPractice",
    "Gastroenterology",
    "Gynecology",
    "Hematology",
    "Hematology/Oncology",
    "Hospitalist",
    "InfectiousDiseases",
    "InternalMedicine",
    "Nephrology",
    "Neurology",
    "Neurophysiology",
    "Obsterics&Gynecology-GynecologicOnco",
    "Obstetrics",
    "ObstetricsandGynecology",
    "Oncology",
    "Ophthalmology",
    "Orthopedics",
    "Orthopedics-Reconstructive",
    "Osteopath",
    "Otolaryngology",
    "OutreachServices",
    "Pathology",
    "Pediatrics",
    "Pediatrics-AllergyandImmunology",
    "Pediatrics-CriticalCare",
    "Pediatrics-EmergencyMedicine",
    "Pediatrics-Endocrinology",
    "Pediatrics-Hematology-Oncology",
    "Pediatrics-InfectiousDiseases",
    "Pediatrics-Neurology",
    "Pediatrics-Pulmonology",
    "Perinatology",
    "PhysicalMedicineandRehabilitation",
    "PhysicianNotFound",
    "Podiatry",
    "Proctology",
    "Psychiatry",
    "Psychiatry-Addictive",
    "Psychiatry-Child/Adolescent",
    "Psychology",
    "Pulmonology",
    "Radiologist",
    "Radiology",
    "Resident",
    "Rheumatology",
    "Speech",
    "SportsMedicine",
    "Surgeon",
    "Surgery-Cardiovascular",
    "Surgery-Cardiovascular/Thoracic",
    "Surgery-Colon&Rectal",
    "Surgery-General",
    "Surgery-Maxillofacial",
    "Surgery-Neuro",
    "Surgery-Pediatric",
    "Surgery-Plastic",
    "Surgery-PlasticwithinHeadandNeck",
    "Surgery-Thoracic",
    "Surgery-Vascular",
    "SurgicalSpecialty",
    "Urology",
)
DRUGS = (
    "metformin",
    "repaglinide",
    "nateglinide",
    "chlorpropamide",
    "glimepiride",
    "acetohexamide",
    "glipizide",
    "glyburide",
    "tolbutamide",
    "pioglitazone",
    "rosiglitazone",
    "acarbose",
    "miglitol",
    "troglitazone",
    "tolazamide",
    "examide",
    "citoglipton",
    "insulin",
    "glyburide-metformin",
    "glipizide-metformin",
    "glimepiride-pioglitazone",
    "metformin-rosiglitazone",
    "metformin-pioglitazone",
)
DIAGNOSES = ("diag_1", "diag_2", "diag_3")
DIAGNOSIS_PATTERN = r"(?:[0-9]{1,3}|V[0-9]{2}|E[0-9]{3})(?:\.[0-9]{1,2})?"  # ICD-9-CM as the file writes it

ENCOUNTER, PATIENT, TARGET_COLUMN = "encounter_id", "patient_nbr", "readmitted"
_LARGEST_ID = 2**53  # exact as a float64, so that no reader can round it


def _count(name: str, low: int, high: int, meaning: str) -> Column:
    return Column(name, "integer", low=low, high=high, meaning=meaning)


def _category(name: str, categories: tuple[str, ...], meaning: str, *, missing: bool = False) -> Column:
    return Column(name, "category", categories=categories, missing=missing, meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    Column(ENCOUNTER, "identifier", "identifier", low=1, high=_LARGEST_ID, meaning="encounter, rising in time"),
    Column(PATIENT, "identifier", "identifier", low=1, high=_LARGEST_ID, meaning="patient"),
    _category("race", RACES, "race as recorded", missing=True),
    _category("gender", GENDERS, "gender as recorded"),
    _category("age", AGES, "age in ten-year brackets"),
    Column("weight", "category", "unused", categories=WEIGHTS, missing=True, meaning="weight in pounds, 97 % missing"),
    Column("admission_type_id", "code", codes=tuple(range(1, 9)), meaning="emergency, urgent, elective, ..."),
    Column("discharge_disposition_id", "code", codes=tuple(range(1, 31)), meaning="where the patient went"),
    Column("admission_source_id", "code", codes=tuple(range(1, 27)), meaning="where the patient came from"),
    _count("time_in_hospital", 1, 14, "days from admission to discharge"),
    Column("payer_code", "category", "unused", categories=PAYERS, missing=True, meaning="who pays, absent early on"),
    _category("medical_specialty", SPECIALTIES, "specialty of the admitting physician", missing=True),
    _count("num_lab_procedures", 0, 300, "lab tests during the encounter"),
    _count("num_procedures", 0, 50, "procedures other than lab tests"),
    _count("num_medications", 0, 200, "distinct drugs administered"),
    _count("number_outpatient", 0, 366, "outpatient visits in the year before"),
    _count("number_emergency", 0, 366, "emergency visits in the year before"),
    _count("number_inpatient", 0, 366, "inpatient stays in the year before"),
    Column("diag_1", "diagnosis", missing=True, meaning="primary diagnosis, ICD-9-CM"),
    Column("diag_2", "diagnosis", missing=True, meaning="secondary diagnosis, ICD-9-CM"),
    Column("diag_3", "diagnosis", missing=True, meaning="further secondary diagnosis, ICD-9-CM"),
    _count("number_diagnoses", 1, 40, "diagnoses entered"),
    _category("max_glu_serum", GLUCOSE, "glucose serum test"),
    _category("A1Cresult", A1C, "haemoglobin A1c test"),
    *(_category(drug, DOSAGES, "dosage change of the drug") for drug in DRUGS),
    _category("change", ("No", "Ch"), "any change of diabetic medication"),
    _category("diabetesMed", ("No", "Yes"), "any diabetic medication"),
    Column(TARGET_COLUMN, "category", "target", categories=READMISSIONS, meaning="days to readmission, if any"),
)

BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}
NAMES: tuple[str, ...] = tuple(BY_NAME)
INPUTS: tuple[Column, ...] = tuple(column for column in COLUMNS if column.role == "input")
WHOLE_NUMBERS: tuple[str, ...] = tuple(c.name for c in COLUMNS if c.kind in ("identifier", "integer", "code"))
