"""Records in, predictions out: what every route answers from, with no word of HTTP frameworks."""

from collections.abc import Callable, Sequence
from typing import Any

from health_predict.record_schema import FieldProblem, Record
from serving import refusals
from serving.refusals import Refusal, RefusedError
from serving.releases import Refused, Served

MOST_RECORDS = 1000
MOST_EXPLAINED = 100  # records in one request
_SHOWN = 5  # contributions

Read = tuple[Record, tuple[FieldProblem, ...]]


def require(served: Served | None, refused: Refused | None) -> Served:
    """Return the release to answer with, or refuse with 503."""
    if served is None:
        reason = refused.reason if refused else "the model is being loaded"
        raise RefusedError(Refusal(503, refusals.NOT_READY, reason, headers={"Retry-After": "5"}))
    return served


def read_all(raw: Sequence[object], read: Callable[[object], Read]) -> list[Record]:
    """Check every record of a request; all are used or none.

    Raises:
        RefusedError: 413 for over 1,000 records, 422 for none or a bad one.
    """
    if len(raw) > MOST_RECORDS:
        info = f"at most {MOST_RECORDS:,} records in one request; for more: python run.py --pipeline score"
        raise RefusedError(Refusal(413, refusals.TOO_LARGE, info))
    if not raw:
        raise refusals.invalid("the list of records is empty")
    records: list[Record] = []
    problems: list[refusals.RecordProblem] = []
    for position, entry in enumerate(raw):
        record, found = read(entry)
        records.append(record)
        problems.extend(refusals.record_problem(position, problem) for problem in found)
        if len(problems) > refusals.MOST_PROBLEMS:
            break
    if problems:
        raise refusals.invalid_records(problems)
    return records


def predict(served: Served, records: Sequence[Record], *, explain: bool = False) -> list[dict[str, Any]]:
    """Score n checked records; one answer each with the prediction 0 or 1 and the probability of readmission.

    Raises:
        RefusedError: 413 for over 100 records that are to be explained.
    """
    if explain and len(records) > MOST_EXPLAINED:
        info = f"at most {MOST_EXPLAINED} records in one request that asks for explanations"
        raise RefusedError(Refusal(413, refusals.TOO_LARGE, info))
    threshold = served.scorer.threshold
    answers: list[dict[str, Any]] = [
        {"prediction": int(probability >= threshold), "probability_score": probability}
        for probability in served.scorer.probabilities(records).tolist()
    ]
    if explain:
        for answer, record in zip(answers, records, strict=True):
            answer["explanation"] = _explanation(served, record)
    return answers


def version_of(served: Served) -> dict[str, str]:
    """Name the version that answers."""
    return {"model_version": served.release.model_version, "run_id": served.release.run_id}


def answer(served: Served, answers: list[dict[str, Any]], *, single: bool) -> dict[str, Any]:
    """Write the answer to one record, or to a list of them, with the version that gave it."""
    return {**(answers[0] if single else {"predictions": answers}), **version_of(served)}


def _explanation(served: Served, record: Record) -> dict[str, Any]:
    found = served.scorer.explain(record)
    shown, others = found.contributions[:_SHOWN], found.contributions[_SHOWN:]
    return {
        "unit": found.unit,
        "base": found.base,
        "raw_score": found.raw_score,
        "contributions": [{"feature": name, "contribution": value} for name, value in shown],
        "others": sum(value for _, value in others),
    }
