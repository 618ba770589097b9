import numpy as np
import pandas as pd
import pytest

from health_predict.columns import BY_NAME, DRUGS
from health_predict.monitoring.monitored import MONITORED, NAMES, RARE_DRUGS, Monitored, bin_frame
from health_predict.reading import RawData


def column(name: str) -> Monitored:
    return MONITORED[NAMES.index(name)]


def level(name: str, value: object) -> str:
    return column(name).levels[column(name).level(value)]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("age", "[70-80)", "[70-80)"),
        ("time_in_hospital", 1, "<2"),
        ("time_in_hospital", 6, "6-7"),
        ("time_in_hospital", 7, "6-7"),
        ("time_in_hospital", 14, ">=11"),
        ("number_inpatient", 0, "<1"),
        ("diag_1", "428", "circulatory"),
        ("diag_1", "250.83", "diabetes"),
        ("diag_1", None, "missing"),
        ("payer_code", float("nan"), "missing"),
        ("payer_code", "MC", "MC"),
        ("discharge_disposition_id", 6, "home_with_care"),
        ("discharge_disposition_id", 18, "missing"),
        ("medical_specialty", "Surgery-Vascular", "Surgery"),
        ("medical_specialty", "Dentistry", "other"),
        ("A1Cresult", "None", "None"),
        ("insulin", "Up", "Up"),
    ],
)
def test_a_raw_value_has_the_level_a_person_would_expect(name, value, expected) -> None:
    assert level(name, value) == expected


def test_every_raw_column_that_says_something_is_watched() -> None:
    watched = {source for monitored in MONITORED for source in monitored.sources}
    unwatched = {c.name for c in BY_NAME.values() if c.kind != "identifier" and c.role != "target"} - watched
    assert unwatched == {"weight"}  # missing in 97 %, and in no feature
    assert "payer_code" in watched
    assert set(DRUGS) <= watched


def test_one_rare_drug_is_enough() -> None:
    raw = pd.DataFrame([dict.fromkeys(RARE_DRUGS, "No"), dict.fromkeys(RARE_DRUGS, "No")])
    raw.loc[1, RARE_DRUGS[3]] = "Steady"
    watched = column("other_drugs")
    found = [max(watched.level(value) for value in raw.loc[i]) for i in raw.index]
    assert found == [0, 1]


def test_binning_the_real_file_agrees_with_one_value_at_a_time(real_raw: RawData) -> None:
    frame = real_raw.frame.iloc[::500].reset_index(drop=True)
    binned = bin_frame(frame)
    assert binned.shape == (len(frame), len(MONITORED))
    for i, monitored in enumerate(MONITORED):
        expected = [max(monitored.level(row[s]) for s in monitored.sources) for _, row in frame.iterrows()]
        np.testing.assert_array_equal(binned[:, i], expected, err_msg=monitored.name)
