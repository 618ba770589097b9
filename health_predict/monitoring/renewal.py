"""A retrain or recalibration that monitoring asks for: what is asked, and what of it is left to do after a kill.

A version that is made for it carries the trigger as a tag, so that the registry alone says how far it came.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from health_predict.errors import InputError
from health_predict.monitoring.action import Outcome
from health_predict.monitoring.retraining import JUDGES
from health_predict.stored import check_fields

Kind = Literal["retrain", "recalibrate"]
Left = Literal["everything", "promotion", "nothing"]

_TRIGGER = re.compile(r"(retrain|recalibrate):\w+")


@dataclass(frozen=True)
class RenewalRequest:
    """What is asked for.

    Attributes:
        trigger: retrain:<batch> or recalibrate:<batch>; one version is made for it, however often it is asked.
        champion: the version whose family and hyperparameters, or whose bundle, are taken over.
        matured: ids of the batches whose outcomes may be used, in arrival order, at least one.
        current, delay: the index of the batch that asks, and after how many batches outcomes arrive.
        judges: encounters that a retrain is judged by.
        search: search hyperparameters again.
    """

    trigger: str
    champion: str
    matured: tuple[str, ...]
    current: int
    delay: int
    judges: int = JUDGES
    search: bool = False

    def __post_init__(self) -> None:
        if not _TRIGGER.fullmatch(self.trigger):
            raise InputError(f"renewal: trigger {self.trigger!r}: write it as retrain:BATCH or recalibrate:BATCH")
        if not self.matured:
            raise InputError(f"renewal {self.trigger}: no batch has matured; wait for the outcomes of one")

    def as_dict(self) -> dict[str, Any]:
        """Return the request as plain JSON values, as the pipelines take it."""
        return {**asdict(self), "matured": list(self.matured)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the request that `as_dict` wrote; InputError if a field is missing or unknown."""
        check_fields(cls, values, "renewal", "decide the batch again")
        return cls(**{**values, "matured": tuple(values["matured"])})


@dataclass(frozen=True)
class Remaining:
    """What is left to do for a trigger, and what has come of it so far."""

    left: Left
    outcome: Outcome
    reason: str


_BY_STATUS: Mapping[str | None, Remaining] = {
    None: Remaining("everything", "pending", "no version has been made for it"),
    "registered": Remaining("promotion", "pending", "its version is registered and not judged yet"),
    "champion": Remaining("nothing", "promoted", "its version was promoted"),
    "archived": Remaining("nothing", "promoted", "its version was promoted, and another one has replaced it since"),
    "refused": Remaining("nothing", "refused", "its version was refused"),
}


def remaining(status: str | None) -> Remaining:
    """Say what is left to do for a trigger.

    Args:
        status: of the version that carries the trigger, once the registry is settled; None if there is no such version.

    Raises:
        InputError: a status that the registry does not give.
    """
    if status not in _BY_STATUS:
        raise InputError(
            f"a version has the tag status={status}, which is none of the registry's; correct it in MLflow"
        )
    return _BY_STATUS[status]
