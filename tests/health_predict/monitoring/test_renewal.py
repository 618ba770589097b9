"""What of a retrain or recalibration is left to do, and what may be asked for."""

from dataclasses import replace

import pytest

from health_predict.errors import InputError
from health_predict.monitoring.renewal import RenewalRequest, remaining

REQUEST = RenewalRequest("retrain:b7", "3", ("b5", "b6"), current=7, delay=1, judges=1000, search=True)


@pytest.mark.parametrize(
    ("status", "left", "outcome"),
    [
        (None, "everything", "pending"),
        ("registered", "promotion", "pending"),
        ("champion", "nothing", "promoted"),
        ("archived", "nothing", "promoted"),
        ("refused", "nothing", "refused"),
    ],
)
def test_what_is_left_follows_from_the_status_of_the_triggers_version(status, left, outcome) -> None:
    found = remaining(status)
    assert (found.left, found.outcome) == (left, outcome)
    assert found.reason


def test_a_status_from_elsewhere_is_told() -> None:
    with pytest.raises(InputError, match="status=Production, which is none of the registry's; correct it"):
        remaining("Production")


def test_a_request_survives_json() -> None:
    assert RenewalRequest.from_dict(REQUEST.as_dict()) == REQUEST
    assert REQUEST.as_dict()["matured"] == ["b5", "b6"]


def test_a_request_with_other_fields_is_refused() -> None:
    values = REQUEST.as_dict()
    del values["delay"]
    with pytest.raises(InputError, match="field delay is missing"):
        RenewalRequest.from_dict(values)


@pytest.mark.parametrize("trigger", ["retrain", "retrain:", "promote:b7", "retrain:b7' or name = 'x"])
def test_a_trigger_that_no_registry_could_be_searched_for_is_refused(trigger: str) -> None:
    with pytest.raises(InputError, match="write it as retrain:BATCH or recalibrate:BATCH"):
        replace(REQUEST, trigger=trigger)


def test_nothing_can_be_asked_for_before_an_outcome_has_arrived() -> None:
    with pytest.raises(InputError, match="no batch has matured"):
        replace(REQUEST, matured=())
