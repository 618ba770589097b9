import dataclasses
import time

import numpy as np
import pytest

from health_predict.monitoring.drift import measure_drift
from health_predict.monitoring.monitored import NAMES
from health_predict.monitoring.reference import Reference, build_reference
from health_predict.monitoring.simulate import inject, parse_shift
from tests.health_predict.monitoring.invented import encounters, outcomes

SHIFTED = {"age": "age", "insulin": "insulin", "payer": "payer_code"}


def test_a_batch_like_the_reference_has_no_distance(reference: Reference) -> None:
    drift = measure_drift(reference, encounters(4000, seed=1))
    assert drift.impact == pytest.approx(0, abs=1e-6)
    assert max(column.distance for column in drift.columns) == pytest.approx(0, abs=1e-6)


def test_every_column_is_there_once_and_the_largest_comes_first(reference: Reference) -> None:
    drift = measure_drift(reference, encounters(1000, seed=7))
    assert sorted(column.column for column in drift.columns) == sorted(NAMES)
    deviations = [column.deviation for column in drift.columns]
    assert deviations == sorted(deviations, reverse=True)
    assert drift.largest == deviations[0]
    assert all(0 <= column.distance <= 1 for column in drift.columns)


def test_deviations_without_drift_have_mean_0_and_sd_1(reference: Reference) -> None:
    found = [measure_drift(reference, encounters(1000, seed=100 + i)) for i in range(15)]
    deviations = np.array([column.deviation for drift in found for column in drift.columns])
    assert abs(deviations.mean()) < 0.1
    assert deviations.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("shift", "column"), SHIFTED.items())
def test_a_shift_is_found_in_the_column_that_shifts(reference: Reference, shift, column) -> None:
    batch = inject(encounters(1000, seed=8), parse_shift(f"{shift}:0.6"), target="any", seed=0)
    drift = measure_drift(reference, batch)
    assert drift.columns[0].column == column
    assert drift.largest > 4


def test_the_order_of_the_rows_does_not_matter(reference: Reference) -> None:
    batch = encounters(500, seed=9)
    assert measure_drift(reference, batch) == measure_drift(reference, batch.sample(frac=1, random_state=0))


def test_the_distance_is_weighted_by_importance(reference: Reference) -> None:
    only_age = dataclasses.replace(reference, importances={name: float(name == "age") for name in NAMES})
    drift = measure_drift(only_age, encounters(500, seed=9))
    age = next(column for column in drift.columns if column.column == "age")
    assert drift.distance == pytest.approx(age.distance)
    assert drift.impact == pytest.approx(age.distance / np.sqrt(1 / 500 + 1 / reference.rows))


def test_repeated_patients_make_the_same_difference_weigh_less(reference: Reference) -> None:
    dependent = dataclasses.replace(reference, correlations=(0.5,) * len(NAMES))
    batch = encounters(1000, seed=9)
    apart, together = (measure_drift(dependent, batch.assign(patient_nbr=np.arange(1000) // k)) for k in (1, 4))
    assert [c.distance for c in sorted(apart.columns, key=lambda c: c.column)] == [
        c.distance for c in sorted(together.columns, key=lambda c: c.column)
    ]
    assert together.largest < apart.largest
    assert together.impact < apart.impact


def test_a_column_that_never_varied_deviates_when_it_does() -> None:
    """The payer is missing in the whole first fifth of the real file."""
    frame, (y, score) = encounters(4000, seed=1).assign(payer_code=None), outcomes(4000, seed=1)
    reference = build_reference(frame, y, score, dict.fromkeys(NAMES, 0.0), sizes=(1000,), draws=2000, seed=0)
    batch = encounters(1000, seed=3).assign(payer_code=None)

    def deviation(known: int) -> float:
        payers = np.array(["MC"] * known + [None] * (1000 - known), dtype=object)
        found = measure_drift(reference, batch.assign(payer_code=payers))
        return next(c.deviation for c in found.columns if c.column == "payer_code")

    assert deviation(0) == 0
    assert deviation(1) < 3  # one of 5,000 falls in the batch by chance once in five times
    # all of six fall in it with (1/5)^6 = 6e-5, the first chance below 1e-4, which a normal exceeds at 3.7
    assert deviation(6) == pytest.approx(3.72, abs=0.05)
    assert deviation(500) > 10


def test_a_decision_on_a_thousand_rows_takes_under_50_milliseconds_of_cpu(reference: Reference) -> None:
    batch = encounters(1000, seed=4)
    start = time.process_time()
    for _ in range(5):
        measure_drift(reference, batch)
    assert (time.process_time() - start) / 5 < 0.05
