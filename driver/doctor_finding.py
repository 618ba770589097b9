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


def asked(name: str, ask: Callable[[], str]) -> Finding:
    """Tell what `ask` returns, which is what is well, in words; or why it failed."""
    return guarded(name, lambda: [Finding(name, "ok", ask())])[0]


def guarded(name: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """Return what `look` finds, or a finding that it could not look, whatever is broken."""
    try:
        return look()
    except HealthPredictError as error:
        return [failed(name, error)]
    except Exception as error:  # the doctor goes on; what a library says may quote an address with its password
        return [Finding(name, "FAIL", f"could not be looked at ({type(error).__name__})", "see its log")]


def any_failed(findings: Iterable[Finding]) -> bool:
    """Tell whether something needs to be mended."""
    return any(finding.state == "FAIL" for finding in findings)
