"""What Airflow's own API says, asked as any of its users asks."""

import time
from dataclasses import dataclass
from typing import Any

import requests

_TIMEOUT = 30  # seconds for an answer
_PATIENCE = 30.0  # less than the reconciler waits before it ends a run in Airflow


@dataclass(frozen=True)
class Airflow:
    """Airflow at `url`, as a user with a password."""

    url: str
    user: str
    password: str

    def get(self, path: str) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/api/v2/{path}", headers=self._login(), timeout=_TIMEOUT)
        answer.raise_for_status()
        return dict(answer.json())

    def post(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/api/v2/{path}", json=content, headers=self._login(), timeout=_TIMEOUT)
        answer.raise_for_status()
        return dict(answer.json())

    def ended(self, dag: str) -> dict[str, Any]:
        """A DAG's only run, which ZenML knows to have ended: Airflow is given a while to see it, too."""
        end = time.monotonic() + _PATIENCE
        while True:
            (run,) = self.get(f"dags/{dag}/dagRuns")["dag_runs"]
            if run["state"] not in ("queued", "running"):
                return dict(run)
            assert time.monotonic() < end, f"{dag} is still {run['state']} after {_PATIENCE:.0f} s"
            time.sleep(0.5)

    def tasks(self, dag: str) -> dict[str, str]:
        """The states of the tasks of a DAG's only run."""
        run = self.ended(dag)
        found = self.get(f"dags/{dag}/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in found}

    def _login(self) -> dict[str, str]:
        login = {"username": self.user, "password": self.password}
        answer = requests.post(f"{self.url}/auth/token", json=login, timeout=_TIMEOUT)
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}
