"""The part of Seldon's protocol that is offered: jsonData and data.ndarray in, the same kind out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from health_predict.record_schema import POSITIONAL, Record, read_positional, read_record
from serving import refusals
from serving.predictions import answer, predict, read_all
from serving.releases import Served

OUTPUTS = ("prediction", "probability_score")
PAYLOADS = {"jsonData", "data"}  # one of them tells a message from a record
_ONE_OF = "send one of jsonData and data.ndarray"

Answer = Callable[[list[dict[str, Any]]], dict[str, Any]]


@dataclass(frozen=True)
class Message:
    """A checked request.

    Attributes:
        payload: jsonData or data, the kind that the answer has, too.
        single: whether jsonData was one record and no list.
    """

    payload: str
    records: list[Record]
    single: bool
    explain: bool


def read_message(raw: object) -> Message:
    """Check a decoded SeldonMessage.

    Raises:
        RefusedError: 413 or 422.
    """
    if not isinstance(raw, dict):
        raise refusals.invalid(f"the message must be an object; {_ONE_OF}")
    if raw.keys() - {"meta"} not in ({"jsonData"}, {"data"}):
        raise refusals.invalid(f"the message holds something else; {_ONE_OF}, beside it only meta")
    explain = _wants_explanation(raw.get("meta"))
    if "jsonData" in raw:
        single = not isinstance(raw["jsonData"], list)
        records = read_all([raw["jsonData"]] if single else raw["jsonData"], read_record)
        return Message("jsonData", records, single, explain)
    if explain:
        raise refusals.invalid("explanations are given for jsonData, not for data.ndarray")
    return Message("data", _read_array(raw["data"]), False, False)


def answer_message(served: Served, message: Message) -> tuple[dict[str, Any], list[float]]:
    """Write the answer to a message, and beside it the n probabilities that are in it."""
    answers = predict(served, message.records, explain=message.explain)
    probabilities = [item["probability_score"] for item in answers]
    if message.payload == "jsonData":
        content: dict[str, Any] = {"jsonData": answer(served, answers, single=message.single)}
    else:
        content = {"data": {"names": list(OUTPUTS), "ndarray": [[item[name] for name in OUTPUTS] for item in answers]}}
    release = served.release
    tags = {"model_name": release.model_name, "model_version": release.model_version, "run_id": release.run_id}
    return {**content, "meta": {"tags": tags}}, probabilities


def _read_array(data: object) -> list[Record]:
    if not isinstance(data, dict) or "ndarray" not in data or data.keys() - {"names", "ndarray"}:
        raise refusals.invalid("data must be an object of ndarray and, if the order is not the published one, names")
    names, rows = data.get("names"), data["ndarray"]
    if not isinstance(rows, list):
        raise refusals.invalid("data.ndarray must be a list of rows")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise refusals.invalid(f"data.names must be a list of texts or left out, then the {len(POSITIONAL)} in order")
    return read_all(rows, partial(read_positional, names=names or None))


def _wants_explanation(meta: object) -> bool:
    """Read the one tag that is known; what else a graph puts into `meta` is its own."""
    if meta is None:
        return False
    tags = meta.get("tags") if isinstance(meta, dict) else meta
    if not isinstance(meta, dict) or not isinstance(tags, dict | None):
        raise refusals.invalid("meta and meta.tags must be objects")
    explain = (tags or {}).get("explain", False)
    if not isinstance(explain, bool):
        raise refusals.invalid("meta.tags.explain must be true or false")
    return explain
