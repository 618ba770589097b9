"""Draws every secret anew, and tells MLflow and PostgreSQL, which keep a password of their own.

The new secrets wait in a file beside the old ones until both know them, so that a rotation that is broken off goes on
with the same ones. MLflow comes first: it needs PostgreSQL, which then is the one to ask how far a rotation came.
"""

import requests

from health_predict.errors import InfrastructureError
from infra.processes import health
from infra.processes.place import Place
from infra.processes.start import Say
from infra.service_secrets import GIVEN_ELSEWHERE, adopt_drawn, draw_anew

_PATIENCE = 30  # seconds


def rotate(place: Place, say: Say) -> None:
    """Replace the secrets of running services; they take them when they are started again.

    The keys of an S3 service elsewhere stay: they are not ours to draw.

    Raises InfrastructureError if MLflow or PostgreSQL does not take its new password; the old secrets then still hold.
    """
    kept = {name: place.secrets[name] for name in GIVEN_ELSEWHERE} if place.settings.s3_endpoint else {}
    secrets = draw_anew(place.settings.secrets, kept)
    fresh = Place(place.settings, secrets)
    if health.postgres(fresh):
        _change_mlflow(place, fresh)
        say("mlflow: has the new password")
        _change_postgres(place, fresh)
    say("postgres: has the new password")
    adopt_drawn(place.settings.secrets)
    say(f"{place.settings.secrets}: all secrets are new")


def _change_mlflow(place: Place, fresh: Place) -> None:
    if not health.mlflow(fresh):
        return  # a rotation that was broken off had come this far
    user, known = place.settings.mlflow_user, place.secrets["MLFLOW_ADMIN_PASSWORD"]
    url = f"{place.settings.mlflow_url}/api/2.0/mlflow/users/update-password"
    body = {"username": user, "password": fresh.secrets["MLFLOW_ADMIN_PASSWORD"], "current_password": known}
    try:
        status = requests.patch(url, json=body, auth=(user, known), timeout=_PATIENCE).status_code
    except requests.RequestException as error:
        raise InfrastructureError(f"mlflow: {type(error).__name__}; run: make services-up, then again") from None
    if status != requests.codes.ok:
        raise InfrastructureError(f"mlflow: {url} answers {status}; run: make services-logs NAME=mlflow")


def _change_postgres(place: Place, fresh: Place) -> None:
    reason = health.change_postgres_password(place, fresh.secrets["POSTGRES_PASSWORD"])
    if reason:
        raise InfrastructureError(f"postgres: {reason}; run: make services-up, then again")
