import numpy as np
import pandas as pd
import pytest

from health_predict.columns import COLUMNS, ENCOUNTER, PATIENT
from health_predict.exploration import EARLIER, LAST, NOT_RECORDED, ONLY, Scale, Share, explore, share
from health_predict.slices import SMALLEST_GROUP
from health_predict.target import readmitted_binary
from tests.strategies import raw_frame

ROWS = {"train": 300, "validation": 100, "test": 60, "future": 1840}


def explored(frame, target="any"):
    return explore(frame, target, rows=ROWS, encounters=2400)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return raw_frame(400, seed=3)


@pytest.fixture(scope="module")
def found(frame):
    return explored(frame)


def groupings(found):
    return (*found.rates, found.chapters, *found.counts, found.time.positions, *found.time.trends)


def test_overall_is_the_target_rate(frame, found):
    assert found.overall.rows == 400
    assert found.overall.patients == frame[PATIENT].nunique()
    assert found.overall.share.value == pytest.approx(readmitted_binary(frame, "any").mean())
    assert explored(frame, "within_30_days").overall.share.value == pytest.approx((frame["readmitted"] == "<30").mean())


def test_every_encounter_is_in_one_group_and_no_group_is_small(found):
    for grouping in groupings(found):
        assert sum(rate.rows for rate in grouping.rates) == 400, grouping.column
        assert min(rate.patients for rate in grouping.rates) >= SMALLEST_GROUP, grouping.column


def test_other_parts_are_only_counted(found):
    assert dict(found.rows) == ROWS
    assert found.encounters == 2400


def test_the_order_of_the_rows_does_not_matter(frame, found):
    assert explored(frame.sample(frac=1, random_state=1)) == found


def test_rate_of_a_group_by_hand(frame, found):
    elective = frame["admission_type_id"] == 3
    rate = next(rate for rate in found.rates[1].rates if rate.label == "elective")
    assert rate.rows == elective.sum()
    assert rate.share.value == pytest.approx(frame.loc[elective, "readmitted"].isin(["<30", ">30"]).mean())


def test_unrecorded_chapters_join_the_rest(frame):
    changed = frame.assign(diag_1=np.where(np.arange(400) < 200, None, "428"))
    assert {rate.label: rate.rows for rate in explored(changed).chapters.rates} == {
        "circulatory": 200,
        NOT_RECORDED: 200,
    }


def test_a_small_age_group_joins_its_neighbour(frame):
    ages = np.where(np.arange(400) < 5, "[90-100)", np.where(np.arange(400) < 200, "[80-90)", "[50-60)"))
    labels = [rate.label for rate in explored(frame.assign(age=ages)).rates[0].rates]
    assert labels == ["50–59", "80–99"]


@pytest.mark.parametrize(
    ("first", "last", "label"), [(0, 0, "0"), (1, 1, "1–4"), (0, 1, "0–4"), (2, 2, "5+"), (1, 2, "1+")]
)
def test_labels_of_an_open_scale(first, last, label):
    assert Scale("x", (0, 1, 5)).label(first, last) == label


def test_labels_of_a_closed_scale():
    scale = Scale("x", (0, 10, 20), top=29)
    assert [scale.label(i, i) for i in range(3)] == ["0–9", "10–19", "20–29"]


def test_shares_of_few_patients_are_rounded_away():
    patients = np.arange(100)
    assert share(patients < 3, patients) == Share(0.0, few=True)
    assert share(patients >= 3, patients) == Share(1.0, few=True)
    assert share(patients < 11, patients) == Share(0.11)
    assert share(patients < 0, patients) == Share(0.0)
    assert share(patients >= 0, patients) == Share(1.0)


def test_absences_tell_the_three_kinds_apart(frame):
    complete = frame.assign(**{column.name: "known" for column in COLUMNS if column.missing})
    changed = complete.assign(
        race=np.where(np.arange(400) < 100, None, "Asian"),
        diag_1="428",
        A1Cresult=np.where(np.arange(400) < 300, "None", ">7"),
        max_glu_serum="Norm",
        admission_type_id=np.where(np.arange(400) < 200, 6, 1),
        discharge_disposition_id=1,
        admission_source_id=7,
    )
    found = explored(changed)
    assert [(a.column, a.kind, a.share.value) for a in found.absences] == [
        ("A1Cresult", "not measured", 0.75),
        ("admission_type_id", "unknown code", 0.5),
        ("race", "missing", 0.25),
    ]
    assert found.complete_columns == 47


def test_evidence_of_time_order_by_hand(frame):
    """Twenty patients with three encounters each, ten years older at the last, and 340 with one."""
    patients = np.concatenate([np.tile(np.arange(20), 3), np.arange(100, 440)])
    position = np.repeat([0, 1, 2, 3], [20, 20, 20, 340])
    changed = frame.sort_values(ENCOUNTER).assign(
        **{PATIENT: patients},
        age=np.where(position == 2, "[60-70)", "[50-60)"),
        readmitted=np.where(position < 2, ">30", "NO"),
    )
    time = explored(changed, "within_30_days").time
    assert (time.steps, time.older, time.younger) == (40, Share(0.5), Share(0.0))
    assert {rate.label: (rate.rows, rate.share.value) for rate in time.positions.rates} == {
        EARLIER: (40, 1.0),
        LAST: (20, 0.0),
        ONLY: (340, 0.0),
    }


def test_trends_follow_the_arrival_order(frame):
    changed = frame.sort_values(ENCOUNTER).assign(insulin=np.where(np.arange(400) < 200, "No", "Up"))
    insulin = next(trend for trend in explored(changed).time.trends if trend.column == "insulin given")
    assert [rate.share.value for rate in insulin.rates] == [0.0] * 5 + [1.0] * 5
