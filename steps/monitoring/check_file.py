"""Checks a file of the user's own, and keeps its reports and one MLflow run."""

import logging
from typing import Annotated, Any

from zenml import step
from zenml.types import HTMLString

from adapters.file_checking import SUMMARY, check_file
from adapters.mlflow_monitoring import MonitoringRuns
from adapters.report_files import write_reports
from adapters.stack_connection import tracking_uri_of_stack
from configs.monitor import MonitorConfig
from health_predict.monitoring.file_check import FileRequest, file_run_record

LOG = logging.getLogger(__name__)  # kept with the step; the terminal gets one line, from the driver


@step(enable_cache=False)
def check_own_file(
    request: dict[str, Any], config: MonitorConfig
) -> tuple[Annotated[dict[str, Any], "check"], Annotated[HTMLString, "file_summary"]]:
    """Return what was found and where it was written; the same file once more gives the same run and reports."""
    asked = FileRequest.from_dict(request)
    check, pages = check_file(asked, config)
    folder = f"{asked.reports.rstrip('/')}/{check.id}"
    places = write_reports(folder, pages)
    record = file_run_record(check, places, false_alarm_rate=config.rule.false_alarm_rate)
    name = f"file-{check.id}"
    run_id = MonitoringRuns(tracking_uri_of_stack()).log_record(check.id, name, {"kind": "file"}, record)
    LOG.info("%s: %s", check.verdict.verdict, check.verdict.reason)
    return {**check.told(), "folder": folder, "mlflow_run_id": run_id}, HTMLString(pages[SUMMARY])
