"""What is logged of a model reads back without pickle, for every family."""

import numpy as np
import pytest
import skops.io

from adapters.mlflow_tracking import _TRUSTED, as_pipeline, signature
from health_predict.calibration import Calibration
from health_predict.columns import INPUTS, PATIENT
from health_predict.engineer import engineer
from health_predict.families import FAMILIES, Family, fit, sample_configurations
from health_predict.model import TrainedModel
from health_predict.preprocessor import fit_preprocessor
from health_predict.synthetic import sample_encounters
from health_predict.target import readmitted_binary

SIZES: dict[Family, int] = {"logistic_regression": 2, "random_forest": 25, "xgboost": 5}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_pipeline_of_a_family_reads_back_with_the_trusted_types_alone(family: Family) -> None:
    frame = sample_encounters(1000, seed=0)
    y = readmitted_binary(frame, "any")
    preprocessor, X = fit_preprocessor(engineer(frame), y, frame[PATIENT], seed=0)
    configuration = next(c for c in sample_configurations(FAMILIES, 3, seed=0) if c.family == family)
    estimator = fit(configuration, SIZES[family], X, y)
    model = TrainedModel(configuration, SIZES[family], "any", preprocessor, estimator, Calibration(0.9, 0.1), 0.5)
    read = skops.io.loads(skops.io.dumps(as_pipeline(model)), trusted=list(_TRUSTED))
    assert np.array_equal(read.predict_proba(frame)[:, 1], model.probabilities(frame))


def test_the_signature_takes_missing_whole_numbers() -> None:
    inputs = signature().inputs
    assert inputs.input_names() == [column.name for column in INPUTS]
    kinds = {spec.name: spec.type.name for spec in inputs.inputs}
    assert kinds["num_medications"] == kinds["discharge_disposition_id"] == "double"
    assert kinds["race"] == kinds["diag_1"] == "string"
