import dataclasses

import numpy as np
import pytest

from health_predict.calibration import Calibration
from health_predict.errors import InputError
from health_predict.monitoring.performance import measure_performance
from health_predict.monitoring.recalibration import recalibrate
from health_predict.monitoring.reference import Reference
from tests.health_predict.monitoring.invented import outcomes

OLD = Calibration(slope=0.8, intercept=-1.0)


def test_the_mean_becomes_the_share_of_positives_and_the_order_stays(reference: Reference) -> None:
    y, score = outcomes(800, seed=1)
    new = recalibrate(OLD, reference, y, score, np.arange(800)).calibration
    assert new.slope == OLD.slope
    assert new.apply(score).mean() == pytest.approx(y.mean(), abs=1e-8)
    np.testing.assert_array_equal(np.argsort(new.apply(score)), np.argsort(OLD.apply(score)))


def test_a_calibrated_model_hardly_moves_and_a_known_shift_is_found(reference: Reference) -> None:
    y, score = outcomes(20_000, seed=1)
    assert recalibrate(Calibration(), reference, y, score, np.arange(20_000)).shift == pytest.approx(0, abs=0.05)
    found = recalibrate(Calibration(intercept=-0.7), reference, y, score, np.arange(20_000))
    assert found.shift == pytest.approx(0.7, abs=0.05)


def test_the_reference_knows_the_calibration_as_well_as_these_encounters_tell(reference: Reference) -> None:
    y, score = outcomes(400, seed=1)
    found = recalibrate(OLD, reference, y, score, np.arange(400))
    p = found.calibration.apply(score)
    assert found.reference.scores.gap_variance == pytest.approx(((y - p) ** 2).sum() / 400**2)
    assert found.reference.scores.gap_variance > reference.scores.gap_variance
    same = ("auroc", "auroc_correlation", "counts")
    assert all(getattr(found.reference.scores, n) == getattr(reference.scores, n) for n in same)
    assert found.reference.null is reference.null
    back = Calibration(intercept=-found.shift).apply(found.reference.scores.edges)
    np.testing.assert_allclose(back, reference.scores.edges)


def test_it_silences_the_calibration_alarm_on_the_next_batch(reference: Reference) -> None:
    y, score = outcomes(2000, seed=1)
    exact = dataclasses.replace(reference, scores=dataclasses.replace(reference.scores, gap_variance=0.0))
    before = measure_performance(exact, y[1000:], OLD.apply(score[1000:]), np.arange(1000))
    found = recalibrate(OLD, reference, y[:1000], score[:1000], np.arange(1000))
    after = measure_performance(found.reference, y[1000:], found.calibration.apply(score[1000:]), np.arange(1000))
    assert abs(before.calibration_z) > 5
    assert abs(after.calibration_z) < 3


def test_one_outcome_only_is_one_line(reference: Reference) -> None:
    with pytest.raises(InputError, match="2 encounters of one outcome only"):
        recalibrate(OLD, reference, [1, 1], [0.4, 0.6], [1, 2])
