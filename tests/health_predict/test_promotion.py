import dataclasses
import json
import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from health_predict.errors import InputError
from health_predict.promotion import ModelFacts, PromotionDecision, decide_promotion

CHAMPION = ModelFacts(version="3", run_id="run-3", target="any", provenance="uci")
CHALLENGER = ModelFacts(version="4", run_id="run-4", target="any", provenance="uci")


def rows(n=600, *, champion_signal=0.3, challenger_signal=0.9, seed=0):
    rng = np.random.default_rng(seed)
    y, noise = rng.integers(0, 2, n), rng.normal(size=n)
    patients = rng.integers(0, max(1, int(n * 0.7)), n)
    return y, sigmoid(champion_signal * y + noise), sigmoid(challenger_signal * y + noise), patients


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def decide(data, *, champion=CHAMPION, challenger=CHALLENGER, draws=200, **options):
    return decide_promotion(*data, champion=champion, challenger=challenger, draws=draws, **options)


def test_a_better_challenger_is_promoted_with_the_numbers_that_say_so():
    decision = decide(rows())
    assert decision.promoted
    assert decision.difference == pytest.approx(decision.challenger_score - decision.champion_score)
    assert -0.01 < decision.low < decision.difference < decision.high
    assert decision.reason.startswith("promoted: better, AUROC 0.")
    assert "champion version 3" in decision.reason
    assert "synthetic" not in decision.reason
    assert (decision.champion_version, decision.challenger_version) == ("3", "4")
    assert (decision.rows, decision.patients) == (600, len(np.unique(rows()[3])))


def test_a_worse_challenger_is_refused():
    decision = decide(rows(champion_signal=0.9, challenger_signal=0.3))
    assert not decision.promoted
    assert decision.reason.startswith("refused: worse, ")


def test_better_by_chance_is_refused_when_the_interval_reaches_the_margin():
    rng = np.random.default_rng(3)
    y, patients = rng.integers(0, 2, 60), np.arange(60)
    old, new = rng.random(60), rng.random(60) + 0.1 * y
    decision = decide((y, old, new, patients))
    assert decision.difference > 0 > -0.01 > decision.low
    assert decision.reason.startswith("refused: better, but the interval reaches the margin of -0.01, ")
    assert decide((y, old, new, patients), margin=0.9).promoted


def test_an_exact_tie_is_refused_even_with_other_probabilities_in_the_same_order():
    y, old, _, patients = rows()
    decision = decide((y, old, old / 2, patients))
    assert (decision.difference, decision.low, decision.high) == (0, 0, 0)
    assert decision.reason.startswith("refused: nothing gained, ")


def test_the_first_model_is_promoted_when_it_can_be_measured():
    y, _, new, patients = rows()
    decision = decide((y, None, new, patients), champion=None)
    assert decision.promoted
    assert decision.champion_version is decision.champion_score is decision.difference is decision.low is None
    assert "first model, AUROC 0." in decision.reason


def test_a_first_synthetic_model_is_promoted_and_called_synthetic():
    y, _, new, patients = rows()
    synthetic = dataclasses.replace(CHALLENGER, provenance="synthetic")
    decision = decide((y, None, new, patients), champion=None, challenger=synthetic)
    assert decision.promoted
    assert "challenger trained on synthetic data" in decision.reason


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("champion", [CHAMPION, None])
def test_a_challenger_probability_that_is_no_number_is_refused(bad, champion):
    y, old, new, patients = rows()
    new[5] = bad
    decision = decide((y, old if champion else None, new, patients), champion=champion)
    assert not decision.promoted
    assert "challenger gave a probability that is not a finite number" in decision.reason


def test_a_champion_without_usable_probabilities_is_refused_with_the_cure():
    y, old, new, patients = rows()
    assert "gave no probabilities" in decide((y, None, new, patients)).reason
    old[0] = np.nan
    decision = decide((y, old, new, patients))
    assert not decision.promoted
    assert "champion version 3 gave a probability that is not a finite number; roll back" in decision.reason


@pytest.mark.parametrize("outcome", [0, 1])
@pytest.mark.parametrize("champion", [CHAMPION, None])
def test_one_class_is_refused(outcome, champion):
    y, old, new, patients = rows()
    decision = decide((np.full_like(y, outcome), old, new, patients), champion=champion)
    assert not decision.promoted
    assert "all outcomes are the same" in decision.reason


def test_an_outcome_that_only_one_patient_has_is_refused():
    _, old, new, patients = rows()
    decision = decide(((patients == patients[0]).astype(int), old, new + (patients == patients[0]), patients))
    assert not decision.promoted
    assert "too few patients of one outcome" in decision.reason


@pytest.mark.parametrize(("patient_count", "promoted"), [(10, False), (11, True)])
def test_fewer_than_eleven_patients_are_refused_and_not_counted_out(patient_count, promoted):
    patients = np.repeat(np.arange(patient_count), 20)
    y = np.tile([0, 1], patient_count * 10)
    decision = decide((y, np.full(len(y), 0.5), y * 0.9, patients))
    assert decision.promoted is promoted
    if not promoted:
        assert "fewer than 11 patients" in decision.reason
        assert decision.patients is decision.rows is None


def test_no_rows_are_refused():
    decision = decide(([], [], [], []))
    assert not decision.promoted
    assert "no row to compare on" in decision.reason
    assert decision.patients == decision.rows == 0


def test_another_target_is_refused_unless_allowed():
    within = dataclasses.replace(CHALLENGER, target="within_30_days")
    decision = decide(rows(), challenger=within)
    assert not decision.promoted
    assert "predicts within_30_days, champion version 3 predicts any" in decision.reason
    allowed = decide(rows(), challenger=within, allow_target_change=True)
    assert allowed.promoted
    assert "target changes from any to within_30_days" in allowed.reason


@pytest.mark.parametrize("real", ["uci", "file"])
def test_synthetic_never_replaces_real(real):
    champion = dataclasses.replace(CHAMPION, provenance=real)
    challenger = dataclasses.replace(CHALLENGER, provenance="synthetic", target="within_30_days")
    decision = decide(rows(), champion=champion, challenger=challenger, allow_target_change=True)
    assert not decision.promoted
    assert "synthetic data, it does not replace champion version 3, which was trained on real data" in decision.reason


@pytest.mark.parametrize("provenance", ["uci", "synthetic"])
def test_a_synthetic_champion_is_compared_normally_and_named_so(provenance):
    champion = dataclasses.replace(CHAMPION, provenance="synthetic")
    decision = decide(rows(), champion=champion, challenger=dataclasses.replace(CHALLENGER, provenance=provenance))
    assert decision.promoted
    assert "champion" in decision.reason.rpartition("(")[2]
    assert "trained on synthetic data" in decision.reason


def test_f1_uses_each_models_own_threshold():
    y, _, new, patients = rows()
    halved = dataclasses.replace(CHALLENGER, threshold=0.25)
    tie = decide((y, new, new / 2, patients), challenger=halved, metric="f1")
    assert (tie.champion_score, tie.difference) == (tie.challenger_score, 0)
    assert "F1" in tie.reason
    assert decide((y, new, new / 2, patients), metric="f1").difference < 0


def test_f1_with_nobody_predicted_is_zero_and_refused():
    y, old, new, patients = rows()
    decision = decide((y, old, new, patients), challenger=dataclasses.replace(CHALLENGER, threshold=2), metric="f1")
    assert not decision.promoted
    assert decision.challenger_score == 0


def test_the_decision_survives_json():
    for decision in (decide(rows()), decide(([], [], [], [])), decide((*rows()[:1], None, *rows()[2:]), champion=None)):
        text = json.dumps(decision.as_dict(), allow_nan=False)
        assert PromotionDecision.from_dict(json.loads(text)) == decision


@pytest.mark.parametrize("change", [{"extra": 1}, {"reason": None}])
def test_an_unreadable_decision_names_the_field(change):
    values = decide(rows()).as_dict() | change
    values = {key: value for key, value in values.items() if value is not None or key != "reason"}
    with pytest.raises(InputError, match=f"field {next(iter(change))} is missing or unknown"):
        PromotionDecision.from_dict(values)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ((rows()[0][:-1], *rows()[1:]), {}, "differ in shape"),
        ((rows()[0] * 2, *rows()[1:]), {}, "neither 0 nor 1"),
        ((np.where(rows()[0] == 1, np.nan, 0), *rows()[1:]), {}, "neither 0 nor 1"),
        ((*rows()[:3], np.where(rows()[0] == 1, np.nan, rows()[3])), {}, "no patient"),
        (rows(), {"metric": "accuracy"}, "metric 'accuracy' is unknown"),
        (rows(), {"margin": -0.1}, "margin -0.1"),
        (rows(), {"margin": float("nan")}, "margin nan"),
        (rows(), {"draws": 10}, "draws 10"),
    ],
)
def test_bad_input_is_one_line(data, options, message):
    with pytest.raises(InputError, match=message) as caught:
        decide(data, **options)
    assert "\n" not in str(caught.value)


@st.composite
def small_rows(draw):
    n = draw(st.integers(22, 60))
    cells = st.integers(0, draw(st.sampled_from([3, 1000]))).map(lambda k: k / 1000)
    columns = [draw(st.lists(values, min_size=n, max_size=n)) for values in (st.integers(0, 1), cells, cells)]
    patients = draw(st.lists(st.integers(0, 25), min_size=n, max_size=n))
    assume(len(set(patients)) >= 11 and 4 <= sum(columns[0]) <= n - 4)
    return tuple(np.array(column) for column in (*columns, patients))


some = settings(deadline=None, max_examples=40)


@some
@given(small_rows(), st.sampled_from(["auroc", "f1"]))
def test_swapping_the_models_negates_the_difference(data, metric):
    y, old, new, patients = data
    same = {"metric": metric, "champion": CHAMPION, "challenger": CHALLENGER, "draws": 100}
    there = decide_promotion(y, old, new, patients, **same)
    back = decide_promotion(y, new, old, patients, **same)
    assert not (there.promoted and back.promoted)
    assume(there.difference is not None and there.low is not None)
    assert back.difference == -there.difference
    assert (back.low, back.high) == (pytest.approx(-there.high), pytest.approx(-there.low))


@some
@given(small_rows(), st.sampled_from(["auroc", "f1"]), st.floats(0, 0.5))
def test_a_model_never_replaces_itself(data, metric, margin):
    y, old, _, patients = data
    assert not decide((y, old, old, patients), draws=100, metric=metric, margin=margin).promoted


@some
@given(small_rows(), st.integers(0, 2**32), st.randoms())
def test_a_seed_fixes_the_decision_whatever_the_row_order(data, seed, random):
    decision = decide(data, draws=100, seed=seed)
    order = list(range(len(data[0])))
    random.shuffle(order)
    assert decide(tuple(column[order] for column in data), draws=100, seed=seed) == decision


@some
@given(small_rows(), st.sampled_from([np.exp, np.sqrt, lambda p: 5 * p - 2, lambda p: p**3]))
def test_auroc_sees_only_the_order_of_the_scores(data, monotone):
    y, old, new, patients = data
    assert decide((y, monotone(old), monotone(new), patients), draws=100) == decide(data, draws=100)


def test_a_seed_changes_the_interval_and_nothing_else():
    first, second = decide(rows(), seed=1), decide(rows(), seed=2)
    assert first.low != second.low
    assert first.difference == second.difference


def test_three_thousand_rows_take_under_a_second_of_cpu():
    data = rows(3000)
    start = time.process_time()
    decide(data, draws=1000)
    assert time.process_time() - start < 1
