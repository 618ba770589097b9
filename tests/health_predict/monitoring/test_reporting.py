import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_predict.columns import PATIENT
from health_predict.errors import InputError
from health_predict.monitoring.monitored import MONITORED, NAMES
from health_predict.monitoring.reference import Reference, ScoreSummary
from health_predict.monitoring.reporting import Labelled, coarse_scores, group, group_scores
from health_predict.privacy import SMALLEST_GROUP
from health_predict.reading import RawData
from tests.health_predict.monitoring.invented import encounters, outcomes


def smallest(frame: pd.DataFrame, patients: pd.Series) -> int:
    """Patients in the smallest group of any column."""
    return min(int(patients.groupby(frame[name].to_numpy()).nunique().min()) for name in frame)


def few_patients(count: int, patient_count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    who = np.concatenate([np.arange(11), rng.integers(0, patient_count, count - 11)])
    return encounters(count, seed).assign(**{PATIENT: who})


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(11, 120), st.integers(11, 120), st.integers(11, 60))
def test_no_group_of_a_side_tells_about_fewer_than_eleven_patients(seed, m, n, patient_count) -> None:
    reference, batch = few_patients(m, patient_count, seed), few_patients(n, patient_count, seed + 1)
    grouped = group(reference, batch)
    assert smallest(grouped.reference, reference[PATIENT]) >= SMALLEST_GROUP
    assert smallest(grouped.batch, batch[PATIENT]) >= SMALLEST_GROUP


def test_of_the_real_file_only_group_names_are_left(real_raw: RawData) -> None:
    reference, batch = real_raw.frame.head(3000), real_raw.frame.tail(400)
    grouped = group(reference, batch)
    assert tuple(grouped.reference) == tuple(grouped.batch) == NAMES
    assert (len(grouped.reference), len(grouped.batch)) == (3000, 400)
    assert smallest(grouped.batch, batch[PATIENT]) >= SMALLEST_GROUP
    shown = {name: set(grouped.batch[name]) | set(grouped.reference[name]) for name in NAMES}
    assert all(len(shown[column.name]) <= len(column.levels) for column in MONITORED)
    assert shown["gender"] == {"Female", "Male"}
    assert "01: <1" in shown["number_inpatient"]


def test_rows_keep_their_place() -> None:
    frame = encounters(300, seed=1)
    grouped = group(frame, frame.iloc[::-1])
    assert grouped.batch.iloc[::-1].reset_index(drop=True).equals(grouped.reference)


def test_identical_sides_have_identical_groups_and_an_absent_value_is_no_group() -> None:
    frame = encounters(300, seed=1).assign(gender="Female")
    grouped = group(frame, frame)
    assert set(grouped.batch["gender"]) == {"Female"}
    assert grouped.batch.equals(grouped.reference)


@pytest.mark.parametrize("side", ["reference", "batch"])
def test_a_side_of_ten_patients_is_refused(side) -> None:
    large, small = encounters(100, seed=1), few_patients(100, 11, seed=2)
    small[PATIENT] %= 10
    sides = {"reference": (small, large), "batch": (large, small)}
    with pytest.raises(InputError, match=f"monitoring: {side} of 10 patients; a report needs at least 11"):
        group(*sides[side])


# -- scores


def test_scores_without_drift_fill_their_bins_alike(reference: Reference) -> None:
    _, probability = outcomes(5000, seed=3)
    stored, found = group_scores(reference.scores, 2000, probability, np.arange(5000))
    assert (len(stored), len(found)) == (2000, 5000)
    shares = pd.DataFrame({"stored": pd.Series(stored).value_counts(normalize=True)})
    shares["found"] = pd.Series(found).value_counts(normalize=True)
    assert len(shares) == 10
    assert float(shares["stored"].sub(0.1).abs().max()) < 0.001
    assert float((shares["stored"] - shares["found"]).abs().max()) < 0.03


def test_the_name_of_a_score_bin_holds_the_score() -> None:
    scores = ScoreSummary(0.5, 0.5, 0.7, 0.1, 1e-5, (0.25, 0.5), (100, 100, 100))
    probability = np.repeat([0.1, 0.25, 0.75], 20)
    stored, found = group_scores(scores, 3, probability, np.arange(60))
    names = ["01: <0.250", "02: 0.250-0.500", "03: >=0.500"]
    assert stored.tolist() == names
    assert found[::20].tolist() == names


def test_scores_of_few_patients_share_a_bin() -> None:
    scores = ScoreSummary(0.5, 0.5, 0.7, 0.1, 1e-5, (0.25, 0.5), (100, 100, 100))
    _, found = group_scores(scores, 3, np.repeat([0.1, 0.3, 0.75], [5, 20, 20]), np.arange(45))
    assert sorted(set(found)) == ["01: <0.250 to 0.250-0.500", "02: >=0.500"]


def test_a_model_with_one_score_has_one_bin() -> None:
    scores = ScoreSummary(0.5, 0.5, 0.5, 0.1, 1e-5, (), (300,))
    stored, found = group_scores(scores, 2, np.full(20, 0.5), np.arange(20))
    assert set(stored) == set(found) == {"01: all"}


# -- labels


def labelled(n=1000, seed=1, threshold=0.5, patients=None) -> Labelled:
    y, probability = outcomes(n, seed)
    return Labelled(probability, y, np.arange(n) if patients is None else patients, threshold)


@given(st.integers(0, 1000), st.integers(30, 600), st.floats(0.3, 0.7), st.integers(1, 3))
def test_each_score_stands_for_eleven_patients_of_either_outcome_and_keeps_its_side(seed, n, threshold, visits) -> None:
    given_ = labelled(n, seed, threshold, np.arange(n) // visits)
    coarse = coarse_scores(given_)
    if coarse is None:
        return
    assert ((coarse >= threshold) == (given_.probability >= threshold)).all()
    table = pd.DataFrame({"score": coarse, "y": given_.y, "patient": given_.patients})
    sizes = table.groupby(["score", "y"])["patient"].nunique().unstack(fill_value=0)
    assert int(sizes.min().min()) >= SMALLEST_GROUP
    assert coarse.mean() == pytest.approx(given_.probability.mean())


def test_a_thousand_labels_keep_enough_points_for_a_curve() -> None:
    coarse = coarse_scores(labelled())
    assert coarse is not None
    assert len(np.unique(coarse)) >= 15
    assert np.abs(coarse - labelled().probability).max() < 0.15


def test_nobody_above_the_threshold_is_no_small_group() -> None:
    assert coarse_scores(labelled(threshold=0.999)) is not None


@pytest.mark.parametrize(
    "matured",
    [
        labelled(10),
        labelled(threshold=float(np.sort(outcomes(1000, 1)[1])[-8])),
        Labelled(np.linspace(0, 1, 200), np.ones(200, np.int8), np.arange(200), 0.5),
        labelled(patients=np.arange(1000) % 10),
    ],
    ids=["few rows", "eight above the threshold", "one outcome", "ten patients"],
)
def test_too_few_patients_of_an_outcome_give_no_curve(matured) -> None:
    assert coarse_scores(matured) is None
