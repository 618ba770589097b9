"""Starts the model server in the foreground: `HEALTH_PREDICT_BUNDLE=FOLDER python -m serving`; SIGTERM ends it."""

import logging
import os
import sys
import warnings
from typing import TYPE_CHECKING

from health_predict.errors import HealthPredictError
from serving.gunicorn_server import Server, listen
from serving.settings import Settings, read_settings

if TYPE_CHECKING:
    from flask import Flask


def main() -> int:
    """Serve until told to stop; 2 for a bad setting, 5 if the port cannot be had."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix here is worth a second thread and its memory
    _log_little()
    try:
        settings = read_settings(os.environ)
        listening = listen(settings)
    except HealthPredictError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - to the person who started it
        return error.exit_code
    logging.getLogger("serving").info("listens on %s:%d", settings.host, settings.port)
    Server(settings, lambda: _load(settings), listening).run()
    return 0


def _load(settings: Settings) -> "Flask":
    """Build the application in the worker: threads do not survive a fork, and the parent stays small."""
    from serving.application import build_application
    from serving.metrics import Metrics
    from serving.releases import Releases

    metrics = Metrics()
    releases = Releases(settings.bundle, on_refused=metrics.count_refused_release)
    releases.watch()
    return build_application(releases, metrics)


def _log_little() -> None:
    """Start, swap and refusal of a release, and failures; seldon-core's own lines quote requests."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("serving").setLevel(logging.INFO)
    for name in ("seldon_core", "flask_cors", "werkzeug"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")


if __name__ == "__main__":
    sys.exit(main())
