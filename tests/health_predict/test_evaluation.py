import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from health_predict import bootstrap
from health_predict import evaluation as evaluation_module
from health_predict.calibration import fit_calibration
from health_predict.errors import InputError
from health_predict.evaluation import BINS, Evaluation, Interval, evaluate, quantile_bins

THRESHOLD = 0.45


def sample(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A calibrated model, one patient a row."""
    rng = np.random.default_rng(seed)
    p = rng.beta(3, 3, rows)
    return (rng.random(rows) < p).astype(np.int8), p, np.arange(rows)


def scored(rows: int, seed: int = 0, draws: int = 100) -> Evaluation:
    return evaluate(*sample(rows, seed), threshold=THRESHOLD, seed=seed, draws=draws)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return scored(1500)


def test_values_are_those_of_scikit_learn(evaluation) -> None:
    y, p, _ = sample(1500)
    assert evaluation.auroc.value == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert evaluation.auprc.value == pytest.approx(average_precision_score(y, p), abs=1e-12)
    assert evaluation.brier.value == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    assert evaluation.f1.value == pytest.approx(f1_score(y, p >= THRESHOLD), abs=1e-12)


def test_counts(evaluation) -> None:
    y, _, _ = sample(1500)
    assert (evaluation.rows, evaluation.patients, evaluation.positives) == (1500, 1500, y.sum())
    assert evaluation.threshold == THRESHOLD


def test_every_score_lies_in_its_interval(evaluation) -> None:
    assert len(evaluation.metrics) == 9
    for name, interval in evaluation.metrics.items():
        assert interval.low <= interval.value <= interval.high, name
        assert interval.low < interval.high, name


def test_the_threshold_belongs_to_the_positive_side() -> None:
    y, p = [0, 1, 1, 0, 1, 0], [0.1, 0.5, 0.9, 0.5, 0.5, 0.2]
    assert evaluate(y, p, range(6), threshold=0.5, seed=0, draws=10).f1.value == pytest.approx(6 / 7)


def test_calibration_error_by_hand() -> None:
    """Fifteen bins of two rows: 0.4 predicted and one of two observed, so a gap of 0.1; 2 bins gap 0.4."""
    p = np.repeat(np.linspace(0.40, 0.54, 15), 2)
    y = np.tile([0, 1], 15)
    expected = np.abs(0.5 - np.linspace(0.40, 0.54, 15)).mean()
    assert evaluate(y, p, range(30), threshold=0.5, seed=0, draws=10).ece.value == pytest.approx(expected)
    y[:4] = 0  # the two lowest bins now hold no positive
    expected += (0.40 - 0.10 + 0.41 - 0.09) / 15
    assert evaluate(y, p, range(30), threshold=0.5, seed=0, draws=10).ece.value == pytest.approx(expected)


def test_calibration_error_of_a_draw_counts_its_rows_as_often_as_they_were_drawn() -> None:
    y, p, _ = sample(200)
    weights = np.random.default_rng(0).integers(0, 4, (1, 200)).astype(np.int32)
    drawn = np.repeat(np.arange(200), weights[0])
    bins = quantile_bins(p)
    once = np.ones((1, len(drawn)), np.int32)
    expected = evaluation_module._weighted_ece(y[drawn], p[drawn], bins[drawn], once)
    np.testing.assert_allclose(evaluation_module._weighted_ece(y, p, bins, weights), expected)


def test_draws_of_one_outcome_are_left_out_of_the_calibration_line() -> None:
    """A third of the draws has no positive here, and so no line."""
    y, p = np.eye(1, 10, dtype=int)[0], np.array([0.2, 0.8, 0.3, 0.6, 0.5, 0.4, 0.7, 0.1, 0.55, 0.35])
    draws = np.concatenate(list(bootstrap.patient_weights(range(10), 60, 0)))
    lines = [fit_calibration(y, p, weights).intercept for weights in draws if weights[0] > 0]
    intercept = evaluate(y, p, range(10), threshold=0.5, seed=0, draws=60).calibration_intercept
    assert len(lines) < 45
    assert (intercept.low, intercept.high) == bootstrap.interval(np.array(lines))


def test_calibration_line_by_construction() -> None:
    """Scores that are twice as sure as the truth, and too high."""
    y, p, patients = sample(4000)
    odds = (p / (1 - p)) ** 2 * np.e
    spoiled = evaluate(y, odds / (1 + odds), patients, threshold=0.5, seed=0, draws=10)
    assert spoiled.calibration_slope.value == pytest.approx(0.5, abs=0.06)
    assert spoiled.calibration_intercept.value == pytest.approx(-0.5, abs=0.1)


def test_a_calibrated_model_has_slope_1_and_intercept_0_in_its_intervals(evaluation) -> None:
    assert evaluation.calibration_slope.low < 1 < evaluation.calibration_slope.high
    assert evaluation.calibration_intercept.low < 0 < evaluation.calibration_intercept.high


def test_recall_by_hand() -> None:
    """Ten rows, four positives at ranks 1, 2, 5 and 9: the top row holds one, the two top rows hold two."""
    p = np.linspace(0.95, 0.05, 10)
    y = np.isin(np.arange(10), [0, 1, 4, 8]).astype(int)
    result = evaluate(y, p, range(10), threshold=0.5, seed=0, draws=10)
    assert (result.recall_at_10.value, result.recall_at_20.value) == (0.25, 0.5)


def test_ties_never_flatter_recall_and_the_order_of_rows_is_irrelevant() -> None:
    y = np.repeat([1, 0], [10, 90])
    forwards = evaluate(y, np.full(100, 0.5), range(100), threshold=0.5, seed=0, draws=10)
    backwards = evaluate(y[::-1], np.full(100, 0.5), range(100), threshold=0.5, seed=0, draws=10)
    assert forwards.recall_at_10.value == backwards.recall_at_10.value == 0.0


def test_values_do_not_depend_on_the_order_of_the_rows(evaluation) -> None:
    y, p, patients = sample(1500)
    order = np.random.default_rng(5).permutation(1500)
    shuffled = evaluate(y[order], p[order], patients[order], threshold=THRESHOLD, seed=0, draws=100)
    for name, interval in evaluation.metrics.items():
        other = shuffled.metrics[name]
        np.testing.assert_allclose(
            [other.value, other.low, other.high], [interval.value, interval.low, interval.high], atol=1e-4, err_msg=name
        )


def test_intervals_shrink_with_the_number_of_patients(evaluation) -> None:
    """Four times the patients, half the width, give or take the error of 100 draws."""
    large = scored(6000)
    for name in ("auroc", "auprc", "brier", "f1", "calibration_slope", "recall_at_20"):
        small, big = evaluation.metrics[name], large.metrics[name]
        assert 0.35 < (big.high - big.low) / (small.high - small.low) < 0.7, name


def test_intervals_cover_the_true_value() -> None:
    """Intervals of 20 samples; few draws make them a little narrow, hence the allowance."""
    y, p, _ = sample(400_000, seed=99)
    truth = {
        "auroc": roc_auc_score(y, p),
        "auprc": average_precision_score(y, p),
        "brier": brier_score_loss(y, p),
        "calibration_slope": 1.0,
        "calibration_intercept": 0.0,
    }
    results = [scored(300, seed, draws=50).metrics for seed in range(20)]
    truth["ece"] = float(np.mean([metrics["ece"].value for metrics in results]))  # what is measured at this size
    for name, value in truth.items():
        hits = sum(metrics[name].low <= value <= metrics[name].high for metrics in results)
        assert hits >= 15, (name, hits)


def test_the_calibration_error_is_never_outside_its_interval() -> None:
    for seed in range(10):
        ece = scored(600, seed, draws=40).ece
        assert 0 <= ece.low <= ece.value <= ece.high


def test_patients_of_many_encounters_widen_the_interval() -> None:
    """Ten encounters of one patient that share probability and outcome say no more than one."""
    y, p, _ = sample(150)
    rows, owners = np.repeat(np.arange(150), 10), np.repeat(np.arange(150), 10)
    by_patient = evaluate(y[rows], p[rows], owners, threshold=0.5, seed=0, draws=60)
    by_row = evaluate(y[rows], p[rows], np.arange(1500), threshold=0.5, seed=0, draws=60)
    assert by_patient.auroc.value == by_row.auroc.value
    for name in ("auroc", "brier", "calibration_slope"):
        wide, narrow = by_patient.metrics[name], by_row.metrics[name]
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low), name


def test_same_seed_same_intervals() -> None:
    assert scored(200) == scored(200)
    y, p, patients = sample(200)
    assert evaluate(y, p, patients, threshold=THRESHOLD, seed=1, draws=100).auroc.low != scored(200).auroc.low


@pytest.mark.parametrize("seed", range(5))
def test_tiny_data_gives_no_nan(seed: int) -> None:
    """Draws of one outcome only have no AUROC and no line; they are left out."""
    rng = np.random.default_rng(seed)
    y, p = np.array([0, 1, 1, 0, 0, 0, 1, 0]), rng.random(8)
    result = evaluate(y, p, [1, 1, 2, 3, 4, 4, 5, 6], threshold=0.5, seed=seed, draws=50)
    for name, interval in result.metrics.items():
        assert np.isfinite([interval.value, interval.low, interval.high]).all(), name


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_outcome_only_is_refused(outcome: int) -> None:
    with pytest.raises(InputError, match=r"^evaluation: 20 encounters of one outcome only; give more labelled"):
        evaluate(np.full(20, outcome), np.linspace(0, 1, 20), range(20), threshold=0.5, seed=0)


def test_no_encounters_are_refused() -> None:
    with pytest.raises(InputError, match=r"^evaluation: 0 encounters of one outcome only"):
        evaluate([], [], [], threshold=0.5, seed=0)


def test_one_patient_is_refused() -> None:
    with pytest.raises(InputError, match=r"^evaluation: 4 encounters of one patient only; give more labelled"):
        evaluate([0, 1, 0, 1], [0.1, 0.5, 0.6, 0.9], [7, 7, 7, 7], threshold=0.5, seed=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1, 1.1])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    with pytest.raises(InputError, match=r"^evaluation: 1 of 4 probabilities are not within 0 to 1; train again$"):
        evaluate([0, 1, 0, 1], [0.1, bad, 0.6, 0.9], range(4), threshold=0.5, seed=0)


def test_bins_hold_the_same_number_of_rows_and_equals_stay_together() -> None:
    bins = quantile_bins(np.random.default_rng(0).random(1500))
    assert np.bincount(bins).tolist() == [100] * BINS
    tied = np.repeat([0.2, 0.5, 0.8], [10, 300, 10])
    for value in (0.2, 0.5, 0.8):
        assert len(np.unique(quantile_bins(tied)[tied == value])) == 1
    assert quantile_bins(np.full(5, 0.3)).max() < BINS


def test_interval_as_text() -> None:
    assert str(Interval(0.7, 0.6512, 0.75)) == "0.700 (0.651-0.750)"
