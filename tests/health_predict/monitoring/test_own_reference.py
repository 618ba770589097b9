"""A reference of the user's own encounters: columns are compared with them, outcomes with what the model promised."""

from dataclasses import replace

import numpy as np
import pytest

from health_predict.columns import PATIENT
from health_predict.monitoring.decision import Rule, judge, judge_labels
from health_predict.monitoring.drift import measure_drift
from health_predict.monitoring.monitored import NAMES
from health_predict.monitoring.own_reference import own_reference
from health_predict.monitoring.performance import measure_performance
from health_predict.monitoring.reference import Reference
from tests.health_predict.monitoring.invented import encounters, outcomes

BATCH = 400


@pytest.fixture(scope="module")
def own(reference: Reference) -> Reference:
    """Encounters of which everyone has the same payer, as in no other reference."""
    frame = encounters(2000, seed=21).assign(payer_code="MC")
    return own_reference(frame, outcomes(2000, seed=21)[1], reference, rows=BATCH, draws=2000, seed=0)


def test_it_counts_its_own_rows_and_keeps_what_the_model_looks_at(own: Reference, reference: Reference) -> None:
    columns = np.add.reduceat(np.array(own.counts), own.layout.starts)
    assert set(columns.tolist()) == {own.rows} == {2000}
    assert sum(own.scores.counts) == 2000
    assert own.importances == reference.importances
    assert [size.rows for size in own.null.sizes] == [BATCH]


def test_a_batch_like_it_is_no_drift_though_it_is_to_the_champion(own: Reference, reference: Reference) -> None:
    batch = encounters(BATCH, seed=22).assign(payer_code="MC")
    assert judge(own, measure_drift(own, batch), None, Rule()).verdict == "NO_DRIFT"
    assert judge(reference, measure_drift(reference, batch), None, Rule()).columns == ("payer_code",)


def test_another_batch_is_drift(own: Reference) -> None:
    verdict = judge(own, measure_drift(own, encounters(BATCH, seed=23)), None, Rule())
    assert (verdict.verdict, verdict.columns[0]) == ("DRIFT_DETECTED", "payer_code")


@pytest.mark.parametrize("flipped", [False, True])
def test_outcomes_are_judged_as_without_it(own: Reference, reference: Reference, flipped: bool) -> None:
    """Also where the scores no longer rank: what is said of them does not depend on the user's file."""
    batch, (y, score) = encounters(BATCH, seed=24), outcomes(BATCH, seed=24)
    performance = measure_performance(reference, 1 - y if flipped else y, score, batch[PATIENT])
    verdict = judge(own, measure_drift(own, batch), performance, Rule())
    assert verdict.alarms[2:] == judge_labels(reference, performance, Rule())
    assert ("auroc" in verdict.raised) == flipped


def test_it_is_right_for_batches_larger_than_itself_and_for_the_same_seed(reference: Reference) -> None:
    frame, score = encounters(600, seed=25), outcomes(600, seed=25)[1]
    one, again = (own_reference(frame, score, reference, rows=5000, draws=2000, seed=0) for _ in range(2))
    assert [size.rows for size in one.null.sizes] == [300]
    assert np.array_equal(one.null.sizes[0].largest, again.null.sizes[0].largest)
    verdict = judge(one, measure_drift(one, encounters(5000, seed=26)), None, Rule())
    assert verdict.verdict == "NO_DRIFT"


def test_weights_of_the_champion_carry_the_impact(own: Reference, reference: Reference) -> None:
    payer = replace(reference, importances={name: float(name == "payer_code") for name in NAMES})
    frame = encounters(2000, seed=21).assign(payer_code="MC")
    other = own_reference(frame, outcomes(2000, seed=21)[1], payer, rows=BATCH, draws=2000, seed=0)
    batch = encounters(BATCH, seed=23)
    assert measure_drift(other, batch).distance > 5 * measure_drift(own, batch).distance
