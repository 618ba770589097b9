import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from health_predict.families import FAMILIES, SPACES, Configuration, Family, fit
from health_predict.trials import METRICS, SearchData, Trial, TrialResult, best_per_family, conclude

# few distinct scores, so that ties are the rule
labelled = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=60).filter(
    lambda rows: {label for label, _ in rows} == {False, True}
)


def columns(rows: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([label for label, _ in rows], dtype=np.int8), np.array([score / 8 for _, score in rows])


@given(labelled)
def test_auroc_and_auprc_equal_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    y, score = columns(rows)
    assert METRICS["auroc"](y, score) == pytest.approx(roc_auc_score(y, score))
    assert METRICS["auprc"](y, score) == pytest.approx(average_precision_score(y, score))


@given(labelled)
def test_f1_is_the_best_over_all_thresholds(rows: list[tuple[bool, int]]) -> None:
    y, score = columns(rows)
    best = max(f1_score(y, score >= threshold, zero_division=0) for threshold in np.unique(score))
    assert METRICS["f1"](y, score) == pytest.approx(best)


def data(seed: int = 0) -> SearchData:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((450, 6)).astype(np.float32)
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.standard_normal(450) > 0).astype(np.int8)
    return SearchData(X[:300], y[:300], X[300:], y[300:])


def configuration(family: Family, name: str = "one") -> Configuration:
    return Configuration(name, family, SPACES[family].default, seed=3)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_trial_gives_the_same_scores(family: Family) -> None:
    first, again = (Trial(configuration(family), data(), "auroc", threads=1) for _ in range(2))
    assert [first.report() for _ in range(4)] == [again.report() for _ in range(4)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_report_is_the_score_of_the_model_that_fit_gives_at_that_size(family: Family) -> None:
    rows = data()
    trial = Trial(configuration(family), rows, "auroc", threads=1)
    scores = [trial.report() for _ in range(3)]
    result = conclude(configuration(family), scores, "finished", seconds=1.0)
    model = fit(configuration(family), result.size, rows.X_train, rows.y_train)
    expected = roc_auc_score(rows.y_validation, model.predict_proba(rows.X_validation)[:, 1])
    assert result.score == max(scores) == pytest.approx(expected, abs=1e-6)


def test_rows_of_one_class_are_an_error_and_not_a_score() -> None:
    rows = data()
    one_class = replace(rows, y_validation=np.zeros_like(rows.y_validation))
    with pytest.raises(ValueError, match="not a number"):
        Trial(configuration("xgboost"), one_class, "auroc", threads=1).report()


def test_the_best_report_counts_and_the_smaller_of_equals() -> None:
    result = conclude(configuration("random_forest"), [0.6, 0.7, 0.7, 0.5], "finished", seconds=1.0)
    assert (result.score, result.size, result.scores) == (0.7, 50, (0.6, 0.7, 0.7, 0.5))


def test_a_trial_without_reports_has_no_score() -> None:
    result = conclude(configuration("xgboost"), [], "failed", seconds=0.0, failure="ValueError: no")
    assert math.isnan(result.score)
    assert (result.size, result.failure) == (0, "ValueError: no")


def test_a_result_survives_json() -> None:
    result = conclude(configuration("xgboost"), [0.6, 0.7], "stopped by ASHA", seconds=1.5)
    assert TrialResult.from_dict(json.loads(json.dumps(result.as_dict()))) == result


def results() -> list[TrialResult]:
    def scored(family: Family, name: str, *scores: float) -> TrialResult:
        return conclude(configuration(family, name), scores, "finished", seconds=1.0)

    return [
        scored("xgboost", "a", 0.6),
        scored("random_forest", "b", 0.8, 0.5),
        scored("xgboost", "c", 0.7),
        scored("xgboost", "d", 0.65),
        conclude(configuration("xgboost", "e"), [0.99], "failed", seconds=1.0, failure="ValueError: no"),
        conclude(configuration("logistic_regression", "f"), [], "failed", seconds=1.0, failure="ValueError: no"),
    ]


def test_best_per_family_ranks_and_leaves_failures_out() -> None:
    assert [r.configuration.name for r in best_per_family(results(), 2)] == ["b", "c", "d"]
    assert [r.configuration.name for r in best_per_family(results(), 1)] == ["b", "c"]


@given(st.permutations(results()))
def test_best_per_family_does_not_depend_on_the_order(shuffled: list[TrialResult]) -> None:
    assert best_per_family(shuffled, 2) == best_per_family(results(), 2)
