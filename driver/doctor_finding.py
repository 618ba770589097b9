"""What the doctor says: one finding a check, with its cure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from health_predict.errors import HealthPredictError

State = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        told: what was found, for a person; never a secret.
        cure: what to do about it, empty where nothing is to be done.
    """

    name: str
    state: State
    told: str
    cure: str = ""


def failed(name: str, error: HealthPredictError) -> Finding:
    """Tell an explained failure; its message says what was found and, after a semicolon, what to do."""
    told, semicolon, cure = str(error).partition("; ")
    return Finding(name, "FAIL", told, cure.removeprefix("run: ") if semicolon else "correct that")


def asked(name: str, ask: Callable[[], str], cure: str = "") -> Finding:
    """Tell what `ask` returns, or why it failed.

    Args:
        ask: returns what is well, in words.
        cure: of a failure, where it is better known here than where it is raised.
    """
    try:
        return Finding(name, "ok", ask())
    except HealthPredictError as error:
        found = failed(name, error)
        return Finding(name, found.state, found.told, cure or found.cure)
    except Exception as error:  # the doctor goes on; what a library says may quote an address with its password
        return Finding(name, "FAIL", f"could not be looked at ({type(error).__name__})", cure or "see its log")


def any_failed(findings: Iterable[Finding]) -> bool:
    """Tell whether something needs to be mended."""
    return any(finding.state == "FAIL" for finding in findings)
