"""seldon-core's Flask application, closed to everything that is not offered.

seldon-core answers 404 and 405 with 500, reads requests from query strings and forms, quotes the input in errors and
logs, and allows every origin. Each of these is closed here, before and after its code runs.
"""

import logging
import time
from typing import Any

from flask import Flask, Request, Response, g, jsonify, request
from gunicorn.http.errors import ParseException
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.wrapper import get_rest_microservice
from werkzeug.exceptions import HTTPException

from serving import addresses, refusals
from serving.json_request import JsonRequest, StrictJsonProvider, require_json
from serving.metrics import Metrics
from serving.model import HealthPredictModel, NoSharedMetrics
from serving.places import kind_and_place
from serving.refusals import RefusedError
from serving.releases import Releases
from serving.routes import build_routes

LARGEST_BODY = 2 * 2**20  # bytes
_log = logging.getLogger(__name__)


def build_application(releases: Releases, metrics: Metrics) -> Flask:
    """Return the WSGI application that answers from what `releases` serves."""
    model = HealthPredictModel(releases, metrics)
    # registered by seldon-core ahead of its own routes, so that /predict is ours
    model.model_error_handler = build_routes(releases, metrics)  # type: ignore[attr-defined]
    app: Flask = get_rest_microservice(model, NoSharedMetrics())
    app.json = StrictJsonProvider(app)
    app.request_class = JsonRequest
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY + 1  # so that `_admit_body` sees the end of a chunked body cut off
    _close_origins(app)
    _answer_errors(app)
    app.before_request(_admit)
    app.after_request(_finish(metrics))
    return app


def _close_origins(app: Flask) -> None:
    """Undo Flask-CORS, which seldon-core opens to every origin: it adds a hook and wraps two methods of the object."""
    app.after_request_funcs.clear()
    for wrapped in ("handle_exception", "handle_user_exception"):
        vars(app).pop(wrapped, None)


def _admit() -> None:
    """Run ahead of every view, and of the 404 and 405 of the router."""
    g.started = time.perf_counter()
    allowed = addresses.METHODS.get(request.path)
    if allowed is None:
        raise RefusedError(refusals.of_code(404))
    if request.method not in allowed:
        raise RefusedError(refusals.of_code(405, {"Allow": ", ".join(allowed)}))
    if request.method == "POST":
        _admit_body(request)


def _admit_body(posted: Request) -> None:
    known = {"explain"} if posted.path == addresses.PREDICT else set()
    if posted.args.keys() - known:
        raise refusals.invalid("a query parameter is not known here, see /openapi.json")
    require_json(posted)
    if len(posted.get_data()) > LARGEST_BODY:
        raise RefusedError(refusals.of_code(413))
    if posted.get_json() is None:  # read once, and kept for the view; seldon-core takes null for an empty body
        raise refusals.invalid("the body must not be null")


def _finish(metrics: Metrics) -> Any:  # noqa: ANN401 - flask's decorators take any callable
    def finish(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        route = request.path if request.path in addresses.METHODS else "other"
        metrics.observe_request(route, response.status_code, time.perf_counter() - g.started)
        return response

    return finish


def _answer_errors(app: Flask) -> None:
    """Take over every handler of seldon-core: they answer with the text of the exception, which may hold a value."""
    app.register_error_handler(RefusedError, lambda error: _refuse(error.refusal))
    app.register_error_handler(HTTPException, lambda error: _refuse(refusals.of_code(error.code or 500)))
    app.register_error_handler(ParseException, lambda _: _refuse(refusals.of_code(400)))  # a broken chunk of a body
    app.register_error_handler(SeldonMicroserviceException, _answer_failure)
    app.register_error_handler(Exception, _answer_failure)


def _refuse(refusal: refusals.Refusal) -> Response:
    response = jsonify(refusal.body())
    response.status_code = refusal.code
    response.headers.update(refusal.headers)
    return response


def _answer_failure(error: Exception) -> Response:
    _log.error("%s failed with %s", request.endpoint, kind_and_place(error))
    return _refuse(refusals.of_code(500))
