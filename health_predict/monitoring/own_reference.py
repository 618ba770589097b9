"""A reference made of a user's own encounters, in the place of the champion's training window.

Columns and impact are compared with these encounters. Outcomes are not: whether the model learnt from some of them
cannot be told, and if it did, its scores there promise an AUROC that no batch can reach. So outcomes are held against
the champion's own reference whatever is compared with, and a file without labels serves as well.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from health_predict.columns import PATIENT
from health_predict.monitoring.cells import Layout, pool
from health_predict.monitoring.dependence import cluster_size, column_correlations
from health_predict.monitoring.monitored import bin_frame
from health_predict.monitoring.null import Drawable, Null, build_null
from health_predict.monitoring.reference import DRAWS, SIZES, Reference, score_bins


def own_reference(
    frame: pd.DataFrame,
    probability: npt.ArrayLike,
    champion: Reference,
    *,
    rows: int,
    draws: int = DRAWS,
    seed: int,
) -> Reference:
    """Sum up m raw encounters of at least eleven patients, to judge a batch of `rows` by.

    Args:
        probability: (m,) calibrated scores.
        champion: gives importances, and what outcomes are held against.

    Raises:
        InputError: too few draws.
    """
    patients, levels = frame[PATIENT].to_numpy(), bin_frame(frame)
    layout = Layout(cells := pool(levels, patients))
    encoded, score = layout.encode(levels), np.asarray(probability, dtype=np.float64)
    without_outcomes = np.zeros(len(frame), dtype=np.int8)
    drawable = Drawable(layout, encoded, champion.weights, without_outcomes, score)
    null = build_null(drawable, (min(rows, max(SIZES)),), draws=draws, seed=seed)
    promised = champion.null.at(rows).auroc_loss
    edges, counts = score_bins(score)
    return Reference(
        rows=len(frame),
        cluster_size=cluster_size(patients),
        correlations=tuple(column_correlations(layout, encoded, patients).tolist()),
        cells=cells,
        counts=tuple(layout.count(levels).astype(int).tolist()),
        importances=champion.importances,
        scores=replace(champion.scores, predicted=float(score.mean()), edges=edges, counts=counts),
        null=Null(tuple(replace(size, auroc_loss=promised) for size in null.sizes)),
    )
