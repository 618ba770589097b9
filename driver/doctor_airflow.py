"""What the doctor asks Airflow: whether it is up and lets us in, its parts, its folder of DAGs, and the driver DAGs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from driver.doctor_finding import Finding, any_failed, asked, failed, guarded
from driver.doctor_machine import folder_finding, trouble_writing
from health_predict.errors import HealthPredictError
from stacks.components.airflow_steps.airflow_api import AirflowApi, Health
from stacks.environment import PROJECT

DRIVER_DAGS = PROJECT / "infra" / "airflow" / "dags"
_SERVICES = "make services-up; see make services-logs"
_PATIENCE = 0.0  # one question each


@dataclass(frozen=True)
class DriverDag:
    """How Airflow has a driver DAG: `error` is the last line of why it could not be read."""

    name: str
    known: bool
    paused: bool
    error: str | None


def airflow_findings(configuration: Mapping[str, Any]) -> list[Finding]:
    """Ask Airflow with the configuration of the stack's orchestrator; what cannot be asked any more is left out."""
    api = AirflowApi(configuration["url"], configuration["username"], configuration["password"], patience=_PATIENCE)
    folder = Path(configuration["dags_folder"])
    trouble = trouble_writing(folder) if folder.is_dir() else "is not there"
    cure = "give this user the right to" if folder.is_dir() else "make services-up"
    findings = [folder_finding("DAGs folder", folder, trouble, cure)]
    try:
        findings += health_findings(api.url, api.health())
    except HealthPredictError as error:
        return [*findings, failed("Airflow", error)]
    login = asked("Airflow login", lambda: _log_in(api))
    return [*findings, login, *([] if any_failed([login]) else guarded("driver DAGs", lambda: _driver_dags(api)))]


def health_findings(url: str, health: Health) -> list[Finding]:
    """Tell how each part of Airflow is."""
    parts = {"Airflow database": "metadatabase", "Airflow scheduler": "scheduler", "DAG processor": "dag_processor"}
    findings = [Finding("Airflow", "ok", f"answers at {url}")]
    for name, part in parts.items():
        said = health.ailing.get(part)
        findings.append(Finding(name, "FAIL", said, _SERVICES) if said else Finding(name, "ok", "alive"))
    return findings


def dag_finding(dag: DriverDag, link: str) -> Finding:
    """Tell whether a driver DAG can be started."""
    name = f"DAG {dag.name.removeprefix('health_predict_')}"
    if dag.error:
        return Finding(name, "FAIL", f"cannot be imported: {dag.error}", "make services-up, which copies it anew")
    if not dag.known:
        return Finding(name, "FAIL", "Airflow has not read it", "make services-up, then wait half a minute")
    if dag.paused:
        return Finding(name, "FAIL", "is paused", f"let it go on with the switch at {link}")
    return Finding(name, "ok", "loaded")


def _log_in(api: AirflowApi) -> str:
    api.log_in()
    return f"as {api.username}"


def _driver_dags(api: AirflowApi) -> list[Finding]:
    findings = []
    for name in sorted(path.stem for path in DRIVER_DAGS.glob("*.py")):
        found, error = api.dag(name), api.import_error(f"{name}.py")
        known = DriverDag(name, found is not None, bool(found and found.paused), error)
        findings.append(dag_finding(known, api.link(name)))
    return findings
