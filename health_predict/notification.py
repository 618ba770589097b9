"""What people are told of what was decided: one line, of aggregates alone."""

from collections.abc import Mapping
from typing import Any

from health_predict.monitoring.ledger import Entry


def of_promotion(promotion: Mapping[str, Any]) -> str:
    """Tell of a promotion or refusal.

    Args:
        promotion: a `PromotionDecision` as a dict.
    """
    result = "promoted" if promotion["promoted"] else "refused"
    mark = " (SYNTHETIC DATA)" if promotion["provenance"] == "synthetic" else ""
    return f"HealthPredict version {promotion['challenger_version']} {result}{mark}: {promotion['reason']}"


def of_alarm(entry: Entry) -> str | None:
    """Tell of the alarm of a decided batch; None if it raised none."""
    seen, verdict, decided = entry.records["seen"], entry.records["checked"]["verdict"], entry.records["decided"]
    if verdict["verdict"] != "DRIFT_DETECTED":
        return None
    mark = f" (INJECTED {seen['shift']})" if seen.get("shift") else ""
    return f"HealthPredict, batch {seen['index']}{mark}: {verdict['reason']}; action: {decided['action']}"
