"""Airflow's REST API, as far as runs are submitted, followed and cleared away with it."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from health_predict.errors import InfrastructureError

CURE = "start it with `make services-up`, see `make services-status`"
_TIMEOUT = (3.05, 15.0)  # seconds to connect, and to the next byte
_TOKEN_LIFE = 600.0  # seconds; Airflow's own default is a day
_RAISED = re.compile(r"[A-Za-z_][\w.]*: ")
_TICKS = {"scheduler": "latest_scheduler_heartbeat", "dag_processor": "latest_dag_processor_heartbeat"}


@dataclass(frozen=True)
class Health:
    """What Airflow says of its parts; one is named in `ailing` with its last sign of life."""

    ailing: Mapping[str, str]

    @property
    def reason(self) -> str:
        """One line for a person, empty if all is well."""
        return ", ".join(f"{part} {said}" for part, said in self.ailing.items())


@dataclass(frozen=True)
class Dag:
    """A DAG that Airflow has read."""

    paused: bool


@dataclass(frozen=True)
class DagRun:
    """One run of a DAG; `state` is queued, running, success or failed."""

    id: str
    state: str

    @property
    def finished(self) -> bool:
        """Nothing more will happen to it."""
        return self.state in ("success", "failed")


@dataclass
class AirflowApi:
    """Airflow at `url`, asked again for up to `patience` seconds while it does not answer or answers 5xx."""

    url: str
    username: str
    password: str = field(repr=False)
    patience: float = 10.0
    _token: str = field(default="", repr=False)
    _token_until: float = field(default=0.0, repr=False)

    def health(self) -> Health:
        """Whether database, scheduler and DAG processor are alive; InfrastructureError if Airflow does not answer."""
        parts = self._call("GET", "/api/v2/monitor/health", token=False)
        ailing = {}
        for part in ("metadatabase", "scheduler", "dag_processor"):
            said = parts.get(part) or {}
            if said.get("status") != "healthy":
                last = said.get(_TICKS.get(part, ""))
                ailing[part] = f"is {said.get('status') or 'not there'}" + (f" (last seen {last})" if last else "")
        return Health(ailing)

    def log_in(self) -> None:
        """Get a token; InfrastructureError if user or password are wrong."""
        credentials = {"username": self.username, "password": self.password}
        answer = self._call("POST", "/auth/token", token=False, json=credentials)
        self._token, self._token_until = answer["access_token"], time.monotonic() + _TOKEN_LIFE

    def dag(self, dag_id: str) -> Dag | None:
        """The DAG, None as long as Airflow has not read its file."""
        found = self._call("GET", f"/api/v2/dags/{_in_path(dag_id)}", absent={})
        return Dag(found["is_paused"]) if found else None

    def dag_run(self, dag_id: str, run_id: str | None = None) -> DagRun | None:
        """The run of this id, else the newest of the DAG."""
        path = f"/api/v2/dags/{_in_path(dag_id)}/dagRuns"
        if run_id:
            found = self._call("GET", f"{path}/{_in_path(run_id)}", absent={})
        else:
            listed = self._call("GET", path, params={"limit": 1, "order_by": "-run_after"}, absent={})
            found = next(iter(listed.get("dag_runs", [])), None)
        return DagRun(found["dag_run_id"], found["state"]) if found else None

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """The state of every task of a run; None before the scheduler has looked at it."""
        path = f"/api/v2/dags/{_in_path(dag_id)}/dagRuns/{_in_path(run_id)}/taskInstances"
        found = self._call("GET", path, params={"limit": 1000}, absent={})
        return {task["task_id"]: task["state"] for task in found.get("task_instances", [])}

    def import_error(self, file_name: str) -> str | None:
        """What Airflow says about a DAG file that it cannot read, in the line that names the exception."""
        found = self._call("GET", "/api/v2/importErrors", params={"limit": 100, "order_by": "-timestamp"})
        for error in found.get("import_errors", []):
            if file_name in str(error.get("filename")):
                lines: list[str] = str(error["stack_trace"]).strip().splitlines() or ["no message"]
                return next(filter(_RAISED.match, reversed(lines)), lines[-1])[:300]
        return None

    def set_paused(self, dag_id: str, *, paused: bool) -> None:
        """Pause a DAG or let it go on."""
        self._call("PATCH", f"/api/v2/dags/{_in_path(dag_id)}", json={"is_paused": paused})

    def fail_run(self, dag_id: str, run_id: str) -> None:
        """Stop a run: Airflow ends its running tasks."""
        path = f"/api/v2/dags/{_in_path(dag_id)}/dagRuns/{_in_path(run_id)}"
        self._call("PATCH", path, json={"state": "failed"}, absent={})

    def delete_dag(self, dag_id: str) -> None:
        """Forget a DAG and its runs; one that is not there is no error."""
        self._call("DELETE", f"/api/v2/dags/{_in_path(dag_id)}", absent={})

    def link(self, dag_id: str, run_id: str | None = None) -> str:
        """Where a person sees the DAG or one run of it."""
        return f"{self.url.rstrip('/')}/dags/{_in_path(dag_id)}" + (f"/runs/{_in_path(run_id)}" if run_id else "")

    def _call(self, method: str, path: str, *, token: bool = True, absent: Any = None, **what: Any) -> Any:  # noqa: ANN401 - JSON
        patiently = Retrying(
            retry=retry_if_exception(_is_transient),
            stop=stop_after_delay(self.patience),
            wait=wait_random_exponential(multiplier=0.2, max=3),
            reraise=True,
        )
        try:
            return patiently(self._ask, method, path, token=token, absent=absent, **what)
        except requests.HTTPError as error:
            problem = f"{method} {path} answered {_status(error)}"
            if _status(error) in (401, 403):
                raise InfrastructureError(
                    f"Airflow at {self.url} refused the user '{self.username}' ({problem}); its password is in the "
                    "secrets file that `make services-status` names"
                ) from None
        except (requests.RequestException, ValueError, KeyError) as error:
            problem = f"{method} {path}: {type(error).__name__}"
        raise InfrastructureError(f"Airflow at {self.url} failed ({problem}); {CURE}")

    def _ask(self, method: str, path: str, *, token: bool, absent: Any, again: bool = False, **what: Any) -> Any:  # noqa: ANN401
        headers = {"Authorization": f"Bearer {self._valid_token()}"} if token else {}
        answer = requests.request(method, self.url.rstrip("/") + path, headers=headers, timeout=_TIMEOUT, **what)
        if answer.status_code == requests.codes.not_found and absent is not None:
            return absent
        if answer.status_code == requests.codes.unauthorized and token and not again:
            self._token_until = 0.0  # Airflow was started anew, with another signature
            return self._ask(method, path, token=True, absent=absent, again=True, **what)
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    def _valid_token(self) -> str:
        if time.monotonic() >= self._token_until:
            self.log_in()
        return self._token


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, requests.HTTPError):
        return _status(error) >= 500
    return isinstance(error, requests.ConnectionError | requests.Timeout)


def _status(error: requests.HTTPError) -> int:
    return error.response.status_code if error.response is not None else 0


def _in_path(name: str) -> str:
    return quote(name, safe="")
