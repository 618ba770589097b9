import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.errors import InputError
from health_predict.monitoring.action import (
    ActionDecision,
    ActionSettings,
    Decided,
    decide_action,
    decide_recalibration,
)
from health_predict.monitoring.decision import Alarm, AlarmName, DriftVerdict

SETTINGS = ActionSettings()
NAMES: tuple[AlarmName, ...] = ("column", "impact", "calibration", "auroc")


def verdict(*raised: AlarmName, rule: str = "calibrated") -> DriftVerdict:
    alarms = tuple(Alarm(name, 1.0, 2.0, 0.5, name in raised) for name in NAMES)
    found = "DRIFT_DETECTED" if raised else "NO_DRIFT"
    return DriftVerdict(found, "", rule, True, 1000, 1000, (), alarms, None)


def past(*raised: AlarmName, action="none", reference="one", matured=5000, outcome="pending") -> Decided:
    return Decided(reference, raised, action, matured, outcome)


def decide(now: DriftVerdict, history=(), settings=SETTINGS, *, matured=6000, **options) -> ActionDecision:
    return decide_action(now, history, settings, reference="one", matured_rows=matured, **options)


QUIET = [past()] * 5


@pytest.mark.parametrize(
    ("raised", "action"),
    [
        ((), "none"),
        (("column",), "none"),
        (("impact",), "none"),
        (("calibration",), "recalibrate"),
        (("column", "calibration"), "recalibrate"),
        (("auroc",), "retrain"),
        (("calibration", "auroc"), "retrain"),
        (NAMES, "retrain"),
    ],
)
def test_what_the_first_alarm_leads_to(raised, action) -> None:
    assert decide(verdict(*raised), QUIET).action == action
    assert decide(verdict(*raised)).action == action


@pytest.mark.parametrize(
    ("history", "action"),
    [
        ([past("impact")], "retrain"),
        ([past("impact"), past()], "retrain"),
        ([past("impact"), past(), past()], "none"),
        ([past("impact", reference="older")], "none"),
    ],
)
def test_impact_counts_in_two_of_three_batches_of_one_reference(history, action) -> None:
    found = decide(verdict("impact"), history)
    assert found.action == action
    assert action == "none" or found.reason == "impact in 2 of 3 consecutive batches"


def test_doing_nothing_has_its_reason_too() -> None:
    assert decide(verdict("column")).reason == "drift in columns that the model hardly uses"
    assert decide(verdict("impact")).reason == "impact in 1 of 3 batches, 2 are needed"
    assert decide(verdict()).reason == "no alarm"


def test_past_impact_alone_does_not_retrain() -> None:
    assert decide(verdict("column"), [past("impact"), past("impact")]).action == "none"


def test_the_cool_down_follows_every_action() -> None:
    for action, alarm in (("retrain", "calibration"), ("recalibrate", "auroc"), ("recalibrate", "calibration")):
        settings = replace(SETTINGS, cool_down=2, retrain_window=1)
        after = [
            decide(verdict(alarm), [*QUIET, past(action=action), *[past()] * k], settings).action for k in range(3)
        ]
        assert after[:2] == ["waiting", "waiting"]
        assert after[2] in ("recalibrate", "retrain")
    waiting = decide(verdict("auroc"), [past(action="recalibrate")])
    assert waiting.reason == "retrain (AUROC below the reference's null) waits: cool-down of 1 batches"


def test_one_retrain_per_window_while_recalibration_may_go_on() -> None:
    settings = replace(SETTINGS, cool_down=0, retrain_window=4)
    history = [past(action="retrain", outcome="promoted")]
    actions = [decide(verdict("auroc"), [*history, *[past()] * k], settings).action for k in range(4)]
    assert actions == ["waiting", "waiting", "waiting", "retrain"]
    assert decide(verdict("calibration"), history, settings).action == "recalibrate"


def test_a_refused_candidate_is_not_tried_again_without_new_labels() -> None:
    settings = replace(SETTINGS, cool_down=0, retrain_window=1)
    refused = [past("auroc", action="retrain", matured=6000, outcome="refused"), past("auroc", matured=6000)]
    found = decide(verdict("auroc"), refused, settings, matured=6000)
    assert found.action == "waiting"
    assert "no new labels have matured" in found.reason
    assert decide(verdict("auroc"), refused, settings, matured=6001).action == "retrain"
    promoted = [replace(refused[0], outcome="promoted")]
    assert decide(verdict("auroc"), promoted, settings, matured=6000).action == "retrain"


def test_a_retrain_waits_for_what_it_lacks_even_if_forced() -> None:
    for forced in (False, True):
        found = decide(verdict("auroc"), retrain_lacks="1,000 of 3,000 labelled encounters", forced=forced)
        assert found.action == "waiting"
        assert found.reason.endswith("waits: 1,000 of 3,000 labelled encounters")
    assert decide(verdict("calibration"), retrain_lacks="labels").action == "recalibrate"


def test_forced_retrains_without_an_alarm_and_in_the_cool_down() -> None:
    assert decide(verdict(), [past(action="retrain")], forced=True) == ActionDecision("retrain", "asked for")


def test_the_rule_evidently_retrains_on_its_verdict_alone() -> None:
    assert decide(verdict("column", rule="evidently")).action == "retrain"
    quiet = replace(verdict("auroc", rule="evidently"), verdict="NO_DRIFT")
    assert decide(quiet).action == "none"


def early(*raised: AlarmName, history=(), settings=SETTINGS, matured=6000) -> str:
    alarms = verdict(*raised).alarms
    return decide_recalibration(alarms, history, settings, matured_rows=matured).action


def test_a_calibration_alarm_is_acted_on_before_the_next_batch_is_scored() -> None:
    assert early("calibration", history=QUIET) == "recalibrate"
    assert early("calibration", "auroc", history=QUIET) == "recalibrate"
    assert early("auroc", "impact") == "none"
    assert decide_recalibration((), QUIET, SETTINGS, matured_rows=0).action == "none"


def test_recalibration_waits_like_any_action() -> None:
    assert early("calibration", history=[past(action="retrain")]) == "waiting"
    refused = [past("calibration", action="recalibrate", matured=6000, outcome="refused"), past()]
    assert early("calibration", history=refused) == "waiting"
    assert early("calibration", history=refused, matured=6001) == "recalibrate"


def test_what_was_recalibrated_before_is_the_action_unless_a_retrain_follows() -> None:
    alone = decide(verdict("calibration"), recalibrated=True)
    assert alone == ActionDecision("recalibrate", "calibration, carried out before the batch is scored")
    assert decide(verdict("calibration", "auroc"), recalibrated=True).action == "retrain"
    window = [past(action="retrain", outcome="promoted"), past()]
    waiting = decide(verdict("calibration", "auroc"), window, recalibrated=True)
    assert waiting.action == "recalibrate"
    assert waiting.reason.endswith("retrain (AUROC below the reference's null) waits: one retrain in 3 batches")


@given(
    st.lists(st.lists(st.sampled_from(NAMES), unique=True), min_size=1, max_size=40),
    st.integers(0, 4),
    st.integers(1, 6),
    st.lists(st.sampled_from(["promoted", "refused"]), min_size=40, max_size=40),
    st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_actions_never_pile_up_whatever_the_verdicts_are(verdicts, cool_down, window, outcomes, labels_arrive) -> None:
    settings = ActionSettings(cool_down=cool_down, retrain_window=window)
    history, matured = [], 0
    for raised, outcome, arrives in zip(verdicts, outcomes, labels_arrive, strict=False):
        matured += 1000 * arrives
        before = early(*raised, history=history, settings=settings, matured=matured) == "recalibrate"
        action = decide(verdict(*raised), history, settings, matured=matured, recalibrated=before).action
        settled = outcome if action in ("retrain", "recalibrate") else "pending"
        history.append(Decided("one", tuple(raised), action, matured, settled))
    acted = [i for i, p in enumerate(history) if p.action in ("retrain", "recalibrate")]
    assert all(later - earlier > cool_down for earlier, later in pairwise(acted))
    retrained = [i for i in acted if history[i].action == "retrain"]
    assert all(later - earlier >= window for earlier, later in pairwise(retrained))
    for earlier, later in pairwise(retrained):
        assert history[earlier].outcome == "promoted" or history[later].matured_rows > history[earlier].matured_rows
    assert all(p.raised for p in history if p.action != "none")


def test_the_same_arguments_give_the_same_decision_and_it_survives_json() -> None:
    found = decide(verdict("auroc"), QUIET)
    assert decide(verdict("auroc"), QUIET) == found
    assert ActionDecision.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    with pytest.raises(InputError, match="field when is missing or unknown"):
        ActionDecision.from_dict(found.as_dict() | {"when": 1})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"impact_needed": 4}, "impact_needed 4"),
        ({"impact_needed": 0}, "impact_needed 0"),
        ({"cool_down": -1}, "cool_down"),
        ({"retrain_window": 0}, "retrain_window"),
    ],
)
def test_settings_out_of_range_name_their_field(change, field) -> None:
    with pytest.raises(InputError, match=field):
        ActionSettings(**change)
