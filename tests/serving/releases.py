"""Small releases: a model of each family, fitted on the synthetic sample and bundled as `train` does it."""

from pathlib import Path

from health_predict.bundle import Origin, build_bundle
from health_predict.calibration import Calibration
from health_predict.columns import PATIENT
from health_predict.engineer import engineer
from health_predict.families import FAMILIES, Family, fit, sample_configurations
from health_predict.model import TrainedModel
from health_predict.preprocessor import fit_preprocessor
from health_predict.release import Release, write_release
from health_predict.splits import at_risk
from health_predict.synthetic import sample_encounters
from health_predict.target import readmitted_binary

_SIZES: dict[Family, int] = {"logistic_regression": 3, "random_forest": 25, "xgboost": 40}
_ROWS = 4000
THRESHOLD = 0.66  # in the middle of the scores of generated records, so that both predictions occur


def train_models() -> dict[Family, TrainedModel]:
    """Fit one model a family, within seconds."""
    train = at_risk(sample_encounters(_ROWS, seed=1))
    y = readmitted_binary(train, "any")
    preprocessor, X = fit_preprocessor(engineer(train), y, train[PATIENT], seed=0)
    return {
        c.family: TrainedModel(
            c, _SIZES[c.family], "any", preprocessor, fit(c, _SIZES[c.family], X, y), Calibration(1.1, -0.05), THRESHOLD
        )
        for c in sample_configurations(FAMILIES, 3, seed=1)
    }


def write_releases(models: dict[Family, TrainedModel], folder: Path) -> dict[Family, Path]:
    """Write one release folder a family, versions 1, 2 and 3."""
    folders = {}
    for version, (family, model) in enumerate(models.items(), start=1):
        run_id = f"run{version}"
        folders[family] = folder / f"release-{version}"
        origin = Origin(run_id, "sha", "uci", len(models), "2026-01-01T00:00:00+00:00")
        build_bundle(model, origin, folders[family], seed=3)
        write_release(folders[family], Release("HealthPredict", str(version), run_id))
    return folders
