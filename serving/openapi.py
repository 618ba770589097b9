"""The OpenAPI document, generated from the declaration of the records; what it says is tested against the server."""

from collections.abc import Mapping, Sequence
from typing import Any

from health_predict.record_schema import POSITIONAL, record_json_schema
from serving import addresses
from serving.predictions import MOST_EXPLAINED, MOST_RECORDS
from serving.refusals import OF_CODE
from serving.seldon_protocol import OUTPUTS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_BOOLEAN: Schema = {"type": "boolean"}


def document() -> Schema:
    """Return the OpenAPI 3.1 document of every address of the server."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Health Predict",
            "version": "1.0.0",
            "description": "Predicts at discharge whether a diabetic patient will be readmitted.",
        },
        "paths": {
            addresses.PREDICT: {"post": _predict()},
            **{path: {"post": _seldon(path)} for path in addresses.SELDON},
            addresses.HEALTH: {"get": _health()},
            addresses.MODEL_INFO: {"get": _get("modelInfo", "Which model answers", _ref("ModelInfo"), ready=True)},
            addresses.METRICS: {"get": _get("metrics", "Metrics for Prometheus", _TEXT, media="text/plain")},
            addresses.OPENAPI: {"get": _get("openapi", "This document", {"type": "object"})},
            addresses.PING: {"get": _get("ping", "Whether the process lives", {"const": "pong"}, media="text/html")},
            addresses.STATUS: {"get": _get("status", "Seldon's readiness", _ref("Ready"), ready=True)},
            addresses.METADATA: {"get": _get("metadata", "Seldon's model metadata", {"type": "object"})},
        },
        "components": {"schemas": _schemas()},
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _array(items: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": items, **limits}


def _answer(description: str, schema: Schema, media: str = "application/json") -> Schema:
    return {"description": description, "content": {media: {"schema": schema}}}


def _refusals(codes: Sequence[int]) -> Schema:
    more = {422: "a field or the shape of the request is not valid", 503: "no proven model is loaded"}
    return {str(code): _answer(more.get(code) or OF_CODE[code][1], _ref("Refusal")) for code in codes}


def _get(name: str, summary: str, schema: Schema, *, media: str = "application/json", ready: bool = False) -> Schema:
    answers = {"200": _answer(summary, schema, media), **_refusals([503] if ready else [])}
    return {"operationId": name, "summary": summary, "responses": answers}


def _health() -> Schema:
    answers = {"200": _answer("ready", _ref("Ready")), "503": _answer("not ready", _ref("NotReady"))}
    return {"operationId": "health", "summary": "Ready only with a proven model", "responses": answers}


def _post(name: str, summary: str, body: Schema, answer: Schema) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _answer(summary, answer), **_refusals([400, 413, 415, 422, 503])},
    }


def _predict() -> Schema:
    explain = {
        "name": "explain",
        "in": "query",
        "required": False,
        "schema": _BOOLEAN,
        "description": f"adds what makes up the uncalibrated score, for at most {MOST_EXPLAINED} records; "
        "a Seldon message asks for it in meta.tags instead",
    }
    # a message is what Seldon's orchestrator posts here
    body = {"oneOf": [*_one_or_many(_ref("Record"))["oneOf"], _ref("Message")]}
    answer = {"oneOf": [_ref("Answer"), _ref("Answers"), _ref("MessageAnswer")]}
    return {**_post("predict", "Predict one record or a list", body, answer), "parameters": [explain]}


def _seldon(path: str) -> Schema:
    version = path.split("/")[2].replace(".", "_")
    return _post(f"seldon_{version}", "Predict by Seldon's protocol", _ref("Message"), _ref("MessageAnswer"))


def _one_or_many(item: Schema) -> Schema:
    return {"oneOf": [item, _array(item, minItems=1, maxItems=MOST_RECORDS)]}


def _schemas() -> dict[str, Schema]:
    version = {"model_version": _TEXT, "run_id": _TEXT}
    prediction = {"prediction": {"enum": [0, 1]}, "probability_score": {**_NUMBER, "minimum": 0, "maximum": 1}}
    explanation = {"explanation": _ref("Explanation")}
    refused = {"refused": _object({"release": _TEXT, "reason": _TEXT})}
    return {
        "Record": record_json_schema(),
        "Message": _message(),
        "Explanation": _explanation(),
        "Answer": _object({**prediction, **version}, explanation),
        "Answers": _object({"predictions": _array(_object(prediction, explanation), minItems=1), **version}),
        "MessageAnswer": _message_answer(version),
        "Ready": _object({"status": {"const": "ready"}, **version}, refused),
        "NotReady": _object({"status": {"const": "not ready"}, "reason": _TEXT}, refused),
        "ModelInfo": _model_info(version),
        "Refusal": _refusal(),
    }


def _message() -> Schema:
    by_name = _object({"jsonData": _one_or_many(_ref("Record"))}, {"meta": _meta(_BOOLEAN)})
    by_position = _object({"data": _array_data()}, {"meta": _meta({"const": False})})
    return {"oneOf": [by_name, by_position]}


def _meta(explain: Schema) -> Schema:
    tags = {"type": ["object", "null"], "properties": {"explain": explain}}
    return {"type": ["object", "null"], "properties": {"tags": tags}}


def _array_data() -> Schema:
    """Describe rows of values in the published order; a row with names is checked like a record, by its fields."""
    fields = record_json_schema()["properties"]
    row = {
        "type": "array",
        "prefixItems": [fields[name] for name in POSITIONAL],
        "minItems": len(POSITIONAL),
        "maxItems": len(POSITIONAL),
    }
    names = {"enum": [list(POSITIONAL), None], "description": "another order of the fields of a record is read, too"}
    return _object({"ndarray": _array(row, minItems=1, maxItems=MOST_RECORDS)}, {"names": names})


def _explanation() -> Schema:
    contribution = _object({"feature": _TEXT, "contribution": _NUMBER})
    unit = {"enum": ["log-odds", "probability"]}
    shown = _array(contribution)
    numbers = {"base": _NUMBER, "raw_score": _NUMBER, "contributions": shown, "others": _NUMBER}
    return _object({"unit": unit, **numbers})


def _message_answer(version: Mapping[str, Schema]) -> Schema:
    meta = _object({"tags": _object({"model_name": _TEXT, **version})})
    rows = _array({"type": "array", "prefixItems": [{"enum": [0, 1]}, _NUMBER], "minItems": 2, "maxItems": 2})
    by_name = _object({"jsonData": {"oneOf": [_ref("Answer"), _ref("Answers")]}, "meta": meta})
    data = _object({"names": {"const": list(OUTPUTS)}, "ndarray": rows})
    return {"oneOf": [by_name, _object({"data": data, "meta": meta})]}


def _model_info(version: Mapping[str, Schema]) -> Schema:
    columns = {**_array(_TEXT), "description": "the published order of data.ndarray without names"}
    texts = dict.fromkeys(("model_name", "target", "family", "data_sha256", "provenance", "created_at"), _TEXT)
    numbers = {"threshold": _NUMBER, "size": {"type": "integer"}, "rows": {"type": "integer"}}
    return _object({**texts, **version, **numbers, "columns": columns, "versions": {"type": "object"}})


def _refusal() -> Schema:
    status: Schema = {"status": {"const": 1}, "code": {"type": "integer"}, "reason": _TEXT, "info": _TEXT}
    problem: Schema = {"record": {"type": "integer", "minimum": 0}, "field": _TEXT, "problem": _TEXT}
    return _object({"status": _object(status), "errors": _array(_object(problem))})
