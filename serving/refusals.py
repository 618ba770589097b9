"""Answers that are no prediction: one shape for every route and code, which quotes nothing of the request."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from health_predict.record_schema import FieldProblem

INVALID_INPUT, UNREADABLE, NOT_READY, TOO_LARGE = "INVALID_INPUT", "UNREADABLE", "NOT_READY", "TOO_LARGE"
MOST_PROBLEMS = 100  # listed in one answer; more help nobody and would let a small request buy a large answer

# one line for each code that the framework itself may answer with
OF_CODE: Mapping[int, tuple[str, str]] = {
    400: (UNREADABLE, "the request is no readable HTTP"),
    404: ("NOT_FOUND", "no such address; /openapi.json lists those that exist"),
    405: ("METHOD_NOT_ALLOWED", "this address does not answer that method, see the header Allow"),
    408: ("TIMEOUT", "the request did not arrive in time"),
    413: (TOO_LARGE, "the body is larger than 2 MiB; send fewer records at a time"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "send the body with Content-Type: application/json, in UTF-8 and not compressed"),
    414: ("URI_TOO_LONG", "the address is too long"),
    417: ("EXPECTATION_FAILED", "the header Expect is not understood"),
    431: ("HEADERS_TOO_LARGE", "the headers are too many or too long"),
    501: ("NOT_IMPLEMENTED", "the header Transfer-Encoding is not understood"),
    500: ("INTERNAL", "the server failed; its log says where"),
}


@dataclass(frozen=True)
class RecordProblem:
    """Why a field is refused; `record` counts from 0."""

    record: int
    field: str
    problem: str


@dataclass(frozen=True)
class Refusal:
    """An answer with its HTTP code.

    Attributes:
        info: one line; like the problems it holds no value of the request.
    """

    code: int
    reason: str
    info: str
    problems: tuple[RecordProblem, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the JSON body, of Seldon's status shape."""
        status = {"status": 1, "code": self.code, "reason": self.reason, "info": self.info}
        return {"status": status, "errors": [asdict(problem) for problem in self.problems]}


class RefusedError(Exception):
    """Raised wherever a request is found wanting; the application answers with its refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def of_code(code: int, headers: Mapping[str, str] | None = None) -> Refusal:
    """Return the refusal of a code; one that is not listed is a failure of the server."""
    known = code if code in OF_CODE else 500
    return Refusal(known, *OF_CODE[known], headers=headers or {})


def invalid(info: str) -> RefusedError:
    """Refuse a request whose shape is wrong, before any record is looked at."""
    return RefusedError(Refusal(422, INVALID_INPUT, info))


def invalid_records(problems: Sequence[RecordProblem]) -> RefusedError:
    """Refuse records; at most 100 problems are listed."""
    listed = tuple(problems[:MOST_PROBLEMS])
    more = ", the first of them are listed" if len(problems) > len(listed) else ""
    fields = sorted({problem.field for problem in listed})
    shown = ", ".join(fields[:5]) + (", ..." if len(fields) > 5 else "")
    return RefusedError(Refusal(422, INVALID_INPUT, f"not valid: {shown}{more}", listed))


def record_problem(record: int, problem: FieldProblem) -> RecordProblem:
    """Say which record of the request has the problem."""
    return RecordProblem(record, problem.field, problem.problem)
