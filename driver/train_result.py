"""The table at the end of a training run."""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

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


def show_result(run: "PipelineRunResponse", provenance: str) -> bool:
    """Print candidates, scores, registry version and where to look next; returns whether it was promoted."""
    model_run, evaluation = output(run, "fit_model", "model_run"), output(run, "evaluate_model", "evaluation")
    version, promotion = output(run, "register_model", "version"), output(run, "promote_model", "promotion")
    console = Console(highlight=False)
    mark = " - SYNTHETIC DATA" if provenance == "synthetic" else ""
    console.print(_candidates(model_run, mark))
    console.print(_scores(evaluation, mark))
    console.print(f"chosen: {model_run['reason']}")
    console.print(f"registered: HealthPredict version {version}; {promotion['reason']}")
    console.print("look next: make dashboard (pages, artifacts) | make mlflow-ui (trials, model) | run.py --help")
    return bool(promotion["promoted"])


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
