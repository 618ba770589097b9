import numpy as np
import pandas as pd
import pytest

from health_predict.monitoring.importance import permutation_importance
from health_predict.monitoring.monitored import NAMES, RARE_DRUGS
from tests.health_predict.monitoring.invented import encounters


def stays(frame: pd.DataFrame) -> np.ndarray:
    return np.minimum(frame["number_inpatient"].to_numpy(dtype=float), 10) / 20


def test_a_model_of_one_column_hangs_on_that_column() -> None:
    found = permutation_importance(stays, encounters(300, seed=1), seed=0)
    assert found == {name: float(name == "number_inpatient") for name in NAMES}


def test_shares_follow_the_size_of_the_effect() -> None:
    def model(frame: pd.DataFrame) -> np.ndarray:
        return 0.1 * (frame["insulin"] == "Up").to_numpy() + 0.3 * (frame["change"] == "Ch").to_numpy()

    found = permutation_importance(model, encounters(2000, seed=1), seed=0, rows=2000)
    assert sum(found.values()) == pytest.approx(1)
    # sd of a change of places: sqrt(2 p (1 - p)) with p = 1/4 and 1/2
    assert found["change"] / found["insulin"] == pytest.approx(3 * np.sqrt((1 / 4) / (3 / 16)), rel=0.1)


def test_the_columns_of_a_group_change_places_together() -> None:
    def model(frame: pd.DataFrame) -> np.ndarray:
        return (frame[RARE_DRUGS[0]].to_numpy() == frame[RARE_DRUGS[1]].to_numpy()).astype(float)

    together = encounters(300, seed=1)
    together = together.assign(**{RARE_DRUGS[1]: together[RARE_DRUGS[0]]})
    assert permutation_importance(model, together, seed=0)["other_drugs"] == 0


def test_what_the_model_does_not_see_has_none_and_a_constant_model_no_importance_at_all() -> None:
    frame = encounters(300, seed=1)
    assert permutation_importance(stays, frame, seed=0)["payer_code"] == 0
    assert set(permutation_importance(lambda f: np.full(len(f), 0.3), frame, seed=0).values()) == {0.0}


def test_a_seed_fixes_the_importances() -> None:
    frame = encounters(300, seed=1)
    one, again = (permutation_importance(stays, frame, seed=3, rows=100) for _ in range(2))
    assert one == again
