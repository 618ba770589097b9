"""A small reference over invented encounters, and what a check of a file against it finds."""

import numpy as np

from health_predict.columns import PATIENT
from health_predict.monitoring.decision import Rule, judge
from health_predict.monitoring.drift import measure_drift
from health_predict.monitoring.file_check import CHAMPIONS_OWN, FileCheck
from health_predict.monitoring.monitored import NAMES
from health_predict.monitoring.performance import measure_performance
from health_predict.monitoring.reference import Reference, build_reference
from tests.health_predict.monitoring.invented import encounters, outcomes

SIZES = (250, 1000)


def small_reference() -> Reference:
    frame = encounters(4000, seed=1)
    y, score = outcomes(len(frame), seed=1)
    importances = {name: 1 / len(NAMES) for name in NAMES}
    return build_reference(frame, y, score, importances, sizes=SIZES, draws=4000, seed=0)


def file_check(reference: Reference) -> FileCheck:
    """Everyone's payer is lost; the outcomes are as predicted."""
    batch, (y, score) = encounters(500, seed=31).assign(payer_code=np.nan), outcomes(500, seed=31)
    drift, performance = measure_drift(reference, batch), measure_performance(reference, y, score, batch[PATIENT])
    return FileCheck(
        id="c1",
        version="3",
        run_id="r",
        provenance="file",
        compared_with=CHAMPIONS_OWN,
        mean_score=0.5,
        expected_auroc=0.7,
        verdict=judge(reference, drift, performance, Rule()),
        drift=drift,
        performance=performance,
        share=0.03,
        drifted=1,
        notes=("without any value: payer_code",),
    )
