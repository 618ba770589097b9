import dataclasses
import json
import re

import numpy as np
import pytest

from health_predict.columns import PATIENT
from health_predict.errors import InputError
from health_predict.evaluation import Interval
from health_predict.monitoring.decision import DriftVerdict, Rule, judge, judge_labels, too_small
from health_predict.monitoring.drift import ColumnDrift, Drift, measure_drift
from health_predict.monitoring.monitored import NAMES
from health_predict.monitoring.performance import Performance, measure_performance
from health_predict.monitoring.reference import Reference, build_reference
from health_predict.monitoring.simulate import inject, parse_shift
from health_predict.reading import RawData
from tests.health_predict.monitoring.invented import encounters, outcomes

RULE = Rule()


def drift_of(reference: Reference, *, largest: float = 0.0, impact: float = 0.0, rows: int = 1000) -> Drift:
    others = tuple(ColumnDrift(name, 0.01, 0.0) for name in ("age", "race"))
    return Drift(rows, (ColumnDrift("insulin", 0.2, largest), *others), impact / 30, impact)


def performance_of(*, z: float = 0.0, loss: float = 0.0, rows: int = 1000) -> Performance:
    return Performance(rows, 0.5, 0.5, z, Interval(0.7, 0.6, 0.8), loss, 0.03)


def test_no_alarm_is_no_drift_and_names_the_closest(reference: Reference) -> None:
    verdict = judge(reference, drift_of(reference), performance_of(), RULE)
    assert verdict.verdict == "NO_DRIFT"
    assert verdict.judged
    assert (verdict.columns, verdict.raised) == ((), ())
    assert verdict.reason.startswith("no alarm of 4; closest: ")
    assert (verdict.rows, verdict.labelled_rows) == (1000, 1000)


@pytest.mark.parametrize(
    ("drift", "performance", "alarm", "words"),
    [
        ({"largest": 50.0}, {}, "column", r"columns \(insulin\) deviate by up to 50\.0 sd, allowed \d\.\d"),
        ({"impact": 9.0}, {}, "impact", r"distance weighted by importance 0\.3000, allowed 0\.0\d+"),
        ({}, {"z": 4.0}, "calibration", r"4\.0 sd more readmissions than predicted, allowed 3\.0"),
        ({}, {"z": -4.0}, "calibration", r"4\.0 sd fewer readmissions than predicted, allowed 3\.0"),
        ({}, {"loss": 0.3}, "auroc", r"AUROC 0\.300 below the reference, allowed 0\.\d+"),
    ],
)
def test_each_alarm_alone_is_drift_with_its_reason(reference: Reference, drift, performance, alarm, words) -> None:
    verdict = judge(reference, drift_of(reference, **drift), performance_of(**performance), RULE)
    assert verdict.verdict == "DRIFT_DETECTED"
    assert verdict.raised == (alarm,)
    assert np.all([a.raised == (abs(a.statistic) > a.threshold) for a in verdict.alarms])
    assert re.fullmatch(words, verdict.reason)


def test_the_rate_is_shared_by_the_alarms_that_are_active(reference: Reference) -> None:
    for performance, share in ((None, 2), (performance_of(), 4)):
        alarms = judge(reference, drift_of(reference), performance, RULE).alarms
        assert len(alarms) == share
        exceeding = np.mean(reference.null.at(1000).largest > alarms[0].threshold)
        assert 0.01 / share - 2 / 4000 <= exceeding <= 0.01 / share


@pytest.mark.parametrize("rate", [0.002, 0.01, 0.2])
def test_an_alarm_is_raised_exactly_when_its_p_value_is_small_enough(reference: Reference, rate) -> None:
    null = reference.null.at(1000).largest
    for largest in np.concatenate([null[-60:], null[-60:] + 1e-9, [null[-1] + 1]]):
        alarm = judge(reference, drift_of(reference, largest=float(largest)), None, Rule(false_alarm_rate=rate)).alarms[
            0
        ]
        assert alarm.p_value == pytest.approx((1 + np.sum(null >= largest)) / 4001)
        assert alarm.raised == (alarm.p_value <= rate / 2) == (alarm.statistic > alarm.threshold)


def test_false_alarms_on_real_encounters_without_drift_stay_within_the_rate(real_raw: RawData) -> None:
    """At a rate of 10 % 300 disjoint batches give up to 10 % alarms and four standard deviations, and not none."""
    frame = real_raw.frame.sample(frac=1, random_state=0, ignore_index=True)
    y, score = outcomes(len(frame), seed=0)
    equal, first = dict.fromkeys(NAMES, 1 / len(NAMES)), 8000
    made = build_reference(frame[:first], y[:first], score[:first], equal, sizes=(250,), draws=2000, seed=0)
    rule, alarms = Rule(false_alarm_rate=0.1), 0
    for start in range(first, first + 300 * 250, 250):
        rows = slice(start, start + 250)
        performance = measure_performance(made, y[rows], score[rows], frame[PATIENT][rows])
        alarms += judge(made, measure_drift(made, frame[rows]), performance, rule).verdict == "DRIFT_DETECTED"
    assert 0 < alarms <= 300 * 0.1 + 4 * np.sqrt(300 * 0.09)


@pytest.mark.parametrize("shift", ["age:0.9", "a1c", "insulin:0.5", "payer"])
def test_a_simulated_shift_is_drift(reference: Reference, shift) -> None:
    batch = inject(encounters(1000, seed=5), parse_shift(shift), target="any", seed=0)
    assert judge(reference, measure_drift(reference, batch), None, RULE).verdict == "DRIFT_DETECTED"


def test_labels_alone_give_the_alarms_they_give_in_the_verdict(reference: Reference) -> None:
    for performance in (performance_of(), performance_of(z=5.0, loss=0.2)):
        verdict = judge(reference, drift_of(reference), performance, RULE)
        assert judge_labels(reference, performance, RULE) == verdict.alarms[2:]


def test_one_class_only_has_no_auroc_alarm(reference: Reference) -> None:
    y, score = np.ones(300), np.full(300, 0.9)
    performance = measure_performance(reference, y, score, np.arange(300))
    alarms = {a.name: a for a in judge(reference, drift_of(reference), performance, RULE).alarms}
    assert not alarms["auroc"].raised
    assert alarms["auroc"].p_value == 1


def test_many_columns_are_cut_short_in_the_reason_and_whole_in_the_verdict(reference: Reference) -> None:
    columns = tuple(ColumnDrift(f"column{i}", 0.3, 20.0 - i) for i in range(9))
    verdict = judge(reference, Drift(1000, columns, 0.0, 0.0), None, RULE)
    assert verdict.columns == tuple(f"column{i}" for i in range(9))
    assert "column4 and 4 more" in verdict.reason


def test_evidentlys_share_decides_if_asked_to_and_is_recorded_anyway(reference: Reference) -> None:
    rule, drift = Rule("evidently", drift_share=0.3), drift_of(reference, largest=50.0)
    assert judge(reference, drift, None, rule, drift_share=0.29).verdict == "NO_DRIFT"
    found = judge(reference, drift, None, rule, drift_share=0.3)
    assert found.verdict == "DRIFT_DETECTED"
    assert found.reason == "Evidently: 30% of the columns drifted, at or above 30%"
    assert found.raised == ("column",)
    assert judge(reference, drift, None, RULE, drift_share=0.1).drift_share == 0.1
    with pytest.raises(InputError, match="needs the share of its report"):
        judge(reference, drift, None, rule)


def test_too_small_to_judge_has_no_alarm() -> None:
    verdict = too_small(71, 250, RULE)
    assert (verdict.verdict, verdict.judged, verdict.alarms) == ("NO_DRIFT", False, ())
    assert verdict.reason == "too small to judge: 71 rows, 250 are needed"


def test_the_verdict_survives_json(reference: Reference) -> None:
    verdicts = (
        judge(reference, drift_of(reference, largest=50.0), performance_of(z=9), RULE, drift_share=0.2),
        too_small(3, 250, RULE),
    )
    for verdict in verdicts:
        assert DriftVerdict.from_dict(json.loads(json.dumps(verdict.as_dict(), allow_nan=False))) == verdict
    with pytest.raises(InputError, match="field extra is missing or unknown"):
        DriftVerdict.from_dict(verdicts[0].as_dict() | {"extra": 1})


@pytest.mark.parametrize("change", [{"false_alarm_rate": 0.0}, {"false_alarm_rate": 1.0}, {"drift_share": 0.0}])
def test_a_rule_out_of_range_names_its_field(change) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        Rule(**change)


def test_a_rate_that_the_draws_cannot_show_is_one_line(reference: Reference) -> None:
    with pytest.raises(InputError, match=r"4,000 draws cannot show a false-alarm rate of 5e-05"):
        judge(reference, drift_of(reference), None, dataclasses.replace(RULE, false_alarm_rate=1e-4))
