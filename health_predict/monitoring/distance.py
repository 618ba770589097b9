"""Jensen-Shannon divergence of every watched column at once, for one batch or a block of draws.

Nominal columns: Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 1991; its square
root is a metric (Endres and Schindelin 2003). Ordered columns: the mean divergence of the two-way splits at each cut,
since a shift by one level moves every split the same way, while the plain divergence does not know neighbours. Near
zero a split's divergence is its squared gap over 8 F (1 - F) ln 2, which is the weight of Anderson and Darling (1952).
"""

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from health_predict.monitoring.cells import Layout

Floats = npt.NDArray[np.float64]


def divergences(layout: Layout, batch: Floats, reference: Floats) -> Floats:
    """Return Jensen-Shannon divergences to base 2, each 0..1.

    Args:
        batch, reference: (..., cells) counts; every column of a row sums to the same number of encounters.

    Returns:
        (..., columns)
    """
    p, q = (_shares(counts, layout) @ layout.terms for counts in (batch, reference))
    gain = entr((p + q) / 2) - (entr(p) + entr(q)) / 2  # never negative: entropy is concave
    sums = np.add.reduceat(np.maximum(gain, 0.0), layout.term_starts, axis=-1)
    return np.asarray(sums / (np.log(2) * layout.cuts))


def _shares(counts: Floats, layout: Layout) -> Floats:
    rows = counts[..., : layout.starts[1]].sum(axis=-1, keepdims=True)  # of the first column: all count the same
    return np.asarray(counts / rows)


def size_free(divergence: Floats, spread: Floats | float) -> Floats:
    """Return (divergence / spread)^(1/3), close to normal with a mean and sd that hardly depend on the batch size.

    `spread` is that of `dependence.spread`, for all columns or one each. Without drift, divergence * 8 ln 2 / spread
    is a (mixture of) chi-square in the large; its cube root is nearly normal (Wilson and Hilferty, PNAS 1931), so that
    columns of few and of many cells have comparable tails.
    """
    return np.asarray(np.cbrt(divergence / spread))
