import numpy as np
import pandas as pd
import pytest

from health_predict.columns import ENCOUNTER, PATIENT, TARGET_COLUMN
from health_predict.errors import InputError
from health_predict.reading import RawData
from health_predict.splits import FEWEST_PATIENTS, NOT_AT_RISK, Splits, arrival_order, at_risk, hold_out, split

PARTS = ("train", "validation", "test", "future")


def encounters(count: int, patients: int, seed: int = 0) -> pd.DataFrame:
    """Just what a split looks at, in a random order."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            ENCOUNTER: rng.permutation(count) + 1,
            PATIENT: rng.integers(1, patients, count),
            "discharge_disposition_id": rng.integers(1, 31, count),
            TARGET_COLUMN: rng.choice(["NO", ">30", "<30"], count),
        }
    )


REDUCED = encounters(3000, 1500)


def patients(part: pd.DataFrame) -> set[int]:
    return set(part[PATIENT])


def assert_same(one: Splits, two: Splits) -> None:
    for name in PARTS:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))


def test_counts_of_the_real_file(real_raw: RawData, real_splits: Splits) -> None:
    assert len(real_raw.frame) == 101_766
    assert real_raw.frame[PATIENT].nunique() == 71_518
    initial = len(real_splits.train) + len(real_splits.validation) + len(real_splits.test)
    assert (initial, len(real_splits.future)) == (19_972, 79_371)
    shares = np.array([len(real_splits.train), len(real_splits.validation), len(real_splits.test)]) / initial
    np.testing.assert_allclose(shares, [0.70, 0.15, 0.15], atol=0.01)


def test_initial_is_earlier_than_future_in_the_real_file(real_splits: Splits) -> None:
    first = real_splits.future[ENCOUNTER].min()
    assert max(real_splits.train[ENCOUNTER].max(), real_splits.test[ENCOUNTER].max()) < first
    assert real_splits.future[ENCOUNTER].is_monotonic_increasing


@pytest.mark.parametrize("protocol", ["time", "random"])
def test_nobody_is_in_two_of_train_validation_and_test_for_a_hundred_seeds(protocol) -> None:
    for seed in range(100):
        parts = split(REDUCED, seed=seed, protocol=protocol)
        train, validation, test = patients(parts.train), patients(parts.validation), patients(parts.test)
        assert train.isdisjoint(validation)
        assert train.isdisjoint(test)
        assert validation.isdisjoint(test)


@pytest.mark.parametrize("protocol", ["time", "random"])
def test_every_encounter_at_risk_is_in_one_part(protocol) -> None:
    parts = split(REDUCED, seed=3, protocol=protocol)
    together = pd.concat([getattr(parts, name) for name in PARTS])
    assert together[ENCOUNTER].is_unique
    assert set(together[ENCOUNTER]) == set(at_risk(REDUCED)[ENCOUNTER])


def test_the_random_protocol_separates_initial_and_future_by_patient() -> None:
    for seed in range(20):
        parts = split(REDUCED, seed=seed, protocol="random")
        initial = patients(parts.train) | patients(parts.validation) | patients(parts.test)
        assert initial.isdisjoint(patients(parts.future))
        assert len(initial) / REDUCED[PATIENT].nunique() == pytest.approx(0.2, abs=0.04)


def test_batches_of_the_random_protocol_do_not_drift() -> None:
    """Arrival order would bring the drift back: here the encounter number, which rises with time."""
    future = split(REDUCED, seed=0, protocol="random").future
    first, last = future[ENCOUNTER].head(500).mean(), future[ENCOUNTER].tail(500).mean()
    assert abs(first - last) < 200
    ordered = split(REDUCED, seed=0).future[ENCOUNTER]
    assert ordered.tail(500).mean() - ordered.head(500).mean() > 1500


@pytest.mark.parametrize("protocol", ["time", "random"])
def test_same_seed_same_parts_whatever_the_order_of_the_rows(protocol) -> None:
    for order in range(5):
        shuffled = REDUCED.sample(frac=1, random_state=order)
        assert_same(split(shuffled, seed=7, protocol=protocol), split(REDUCED, seed=7, protocol=protocol))


def test_another_seed_gives_other_parts() -> None:
    assert patients(split(REDUCED, seed=1).train) != patients(split(REDUCED, seed=2).train)
    one, two = (split(REDUCED, seed=seed, protocol="random") for seed in (1, 2))
    assert patients(one.future) != patients(two.future)


def test_a_patients_part_is_fixed_by_the_hash_alone() -> None:
    """The same on every machine and in every process, and unmoved by encounters that come later."""
    parts = split(
        pd.DataFrame({ENCOUNTER: range(1, 501), PATIENT: range(1, 501), "discharge_disposition_id": 1}), seed=42
    )
    assert parts.test[PATIENT].tolist()[:8] == [3, 29, 37, 38, 40, 43, 61, 68]
    grown = pd.concat([REDUCED, encounters(2000, 1500, seed=1).assign(**{ENCOUNTER: np.arange(5000, 7000)})])
    before, after = split(REDUCED, seed=0), split(grown, seed=0)
    assert patients(before.train) <= patients(after.train)
    assert patients(before.test) <= patients(after.test)


def test_shares_are_the_declared_ones() -> None:
    parts = split(encounters(60_000, 60_000), seed=0)
    sizes = np.array([len(parts.train), len(parts.validation), len(parts.test)])
    np.testing.assert_allclose(sizes / sizes.sum(), [0.70, 0.15, 0.15], atol=0.012)


def test_who_died_or_went_to_hospice_is_in_no_part() -> None:
    parts = split(REDUCED, seed=0)
    for name in PARTS:
        part = getattr(parts, name)
        assert part["discharge_disposition_id"].isin(NOT_AT_RISK).sum() == 0
        assert part.index.equals(pd.RangeIndex(len(part)))


def test_the_first_fifth_is_cut_before_anyone_is_dropped() -> None:
    parts = split(REDUCED, seed=0)
    assert max(getattr(parts, name)[ENCOUNTER].max() for name in PARTS[:3]) <= 600 < parts.future[ENCOUNTER].min()


def test_arrival_order_leaves_the_input_as_it_was() -> None:
    before = REDUCED.copy()
    ordered = arrival_order(REDUCED)
    assert ordered[ENCOUNTER].is_monotonic_increasing
    assert ordered.index.equals(pd.RangeIndex(len(REDUCED)))
    split(REDUCED, seed=0)
    pd.testing.assert_frame_equal(REDUCED, before)


def test_at_risk_by_hand() -> None:
    raw = pd.DataFrame({"discharge_disposition_id": [1, 11, 13, 14, 18, 19, 20, 21, 22]})
    assert at_risk(raw)["discharge_disposition_id"].tolist() == [1, 18, 22]


@pytest.mark.parametrize("protocol", ["time", "random"])
def test_too_few_patients_is_one_line_that_says_so(protocol) -> None:
    with pytest.raises(InputError, match=rf"fewer than {FEWEST_PATIENTS} patients; give a larger file$"):
        split(encounters(200, 100), seed=0, protocol=protocol)


def test_held_out_encounters_share_no_patient_with_the_rest_and_are_as_many_as_in_the_first_split() -> None:
    train, validation = hold_out(REDUCED, seed=3)
    assert patients(train).isdisjoint(patients(validation))
    assert sorted([*train[ENCOUNTER], *validation[ENCOUNTER]]) == sorted(REDUCED[ENCOUNTER])
    assert abs(len(train) / len(REDUCED) - 0.70 / 0.85) < 0.03
    assert not hold_out(REDUCED, seed=4)[0].equals(train)
