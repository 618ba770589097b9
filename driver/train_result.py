"""The table at the end of a training run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from adapters.stack_connection import tracking_uri_of_stack
from driver.runs import output

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

_SCORES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier",
    "ece": "calibration error (ECE)",
    "calibration_slope": "calibration slope",
    "f1": "F1 at the threshold",
    "recall_at_20": "recall at 20 % alerts",
}


@dataclass(frozen=True)
class TrainResult:
    """What the steps of a finished training run returned, and the run's name."""

    run: str
    model_run: dict[str, Any]
    evaluation: dict[str, Any]
    version: str
    promotion: dict[str, Any]

    @property
    def promoted(self) -> bool:
        """Whether the version is champion now."""
        return bool(self.promotion["promoted"])

    def summary(self) -> dict[str, Any]:
        """Sum it up as plain JSON values; a score is its value with the 95 % interval."""
        parts = self.evaluation["parts"]
        return {
            "command": "train",
            "run": self.run,
            "mlflow_run_id": self.model_run["run_id"],
            "version": self.version,
            "promoted": self.promoted,
            "reason": self.promotion["reason"],
            "chosen": self.model_run["reason"],
            "target": self.evaluation["target"],
            "provenance": self.evaluation["provenance"],
            "scores": {part["name"]: {"rows": part["rows"], **part["metrics"]} for part in parts},
        }


def result_of(run: "PipelineRunResponse") -> TrainResult:
    """Load what came of a finished training run."""
    return TrainResult(
        run=run.name,
        model_run=output(run, "fit_model", "model_run"),
        evaluation=output(run, "evaluate_model", "evaluation"),
        version=output(run, "register_model", "version"),
        promotion=output(run, "promote_model", "promotion"),
    )


def show_result(result: TrainResult, provenance: str) -> None:
    """Print candidates, scores, registry version and where to look next."""
    console = Console(highlight=False)
    mark = " - SYNTHETIC DATA" if provenance == "synthetic" else ""
    console.print(_candidates(result.model_run, mark))
    console.print(_scores(result.evaluation, mark))
    console.print(f"chosen: {result.model_run['reason']}")
    console.print(f"registered: HealthPredict version {result.version}; {result.promotion['reason']}")
    console.print(f"look next: make dashboard (pages, artifacts) | {_tracker()} (trials, model) | run.py --help")


def _candidates(model_run: dict[str, Any], mark: str) -> Table:
    table = Table(title=f"Candidates, patient-grouped cross-validation{mark}", title_justify="left")
    for heading in ("family", "size", "parameters", "score", "spread", ""):
        table.add_column(heading, justify="right" if heading in ("size", "score", "spread") else "left")
    for candidate in model_run["candidates"]:
        parameters = ", ".join(f"{key} {value}" for key, value in candidate["parameters"].items())
        chosen = "chosen" if candidate["chosen"] else ""
        mean, spread = f"{candidate['mean']:.4f}", f"{candidate['spread']:.4f}"
        table.add_row(candidate["family"], str(candidate["size"]), parameters, mean, spread, chosen)
    return table


def _scores(evaluation: dict[str, Any], mark: str) -> Table:
    table = Table(title=f"Scores with 95 % patient-bootstrap intervals{mark}", title_justify="left")
    parts = evaluation["parts"]
    table.add_column("")
    for part in parts:
        table.add_column(f"{part['name']} ({part['rows']:,} encounters)", justify="right")
    for key, label in _SCORES.items():
        cells = [part["metrics"][key] for part in parts]
        table.add_row(label, *(f"{c['value']:.3f} ({c['low']:.3f}-{c['high']:.3f})" for c in cells))
    return table


def _tracker() -> str:
    """Where a user looks at the runs: a server has a page of its own."""
    tracking_uri = tracking_uri_of_stack()
    return tracking_uri if tracking_uri.startswith("http") else "make mlflow-ui"
