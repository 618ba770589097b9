import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from health_predict.monitoring.cells import Cells, Layout
from health_predict.monitoring.distance import divergences, size_free

NOMINAL = Layout((Cells("a", ("x", "y", "z"), (0, 1, 2), False), Cells("b", ("x", "y"), (0, 1), False)))
ORDERED = Layout((Cells("a", ("1", "2", "3", "4"), (0, 1, 2, 3), True), Cells("b", ("x",), (0,), False)))

counts = st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(lambda values: sum(values) > 0)


@given(counts, counts)
def test_nominal_columns_have_the_divergence_of_scipy(p, q) -> None:
    found = divergences(NOMINAL, np.array([*p, sum(p), 0.0]), np.array([*q, sum(q), 0.0]))
    assert found[0] == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-12)
    assert found[1] == 0


def test_ordered_columns_have_the_mean_divergence_of_their_cuts() -> None:
    p, q = np.array([4.0, 3, 2, 1, 10]), np.array([1.0, 1, 4, 4, 10])
    cuts = [jensenshannon([p[:k].sum(), p[k:4].sum()], [q[:k].sum(), q[k:4].sum()], base=2) ** 2 for k in (1, 2, 3)]
    assert divergences(ORDERED, p, q)[0] == pytest.approx(np.mean(cuts))


def test_ordered_columns_see_a_shift_to_the_neighbour_less_than_one_to_the_far_end() -> None:
    here, near, far = np.array([8.0, 2, 0, 0, 10]), np.array([2.0, 8, 0, 0, 10]), np.array([2.0, 2, 0, 6, 10])
    assert divergences(ORDERED, near, here)[0] < divergences(ORDERED, far, here)[0]


def test_a_block_gives_what_its_rows_give() -> None:
    rng = np.random.default_rng(0)
    block = np.column_stack([rng.multinomial(20, [0.5, 0.3, 0.2], 6), rng.multinomial(20, [0.5, 0.5], 6)]).astype(float)
    reference = np.array([50.0, 30, 20, 60, 40])
    rows = [divergences(NOMINAL, row, reference) for row in block]
    np.testing.assert_allclose(divergences(NOMINAL, block, np.tile(reference, (6, 1))), rows)


def test_symmetric_and_bounded() -> None:
    apart, there = np.array([10.0, 0, 0, 5, 5]), np.array([0.0, 0, 7, 7, 0])
    found = divergences(NOMINAL, apart, there)
    np.testing.assert_allclose(found, divergences(NOMINAL, there, apart))
    assert found[0] == pytest.approx(1)
    assert np.all((found >= 0) & (found <= 1))


def test_the_size_free_divergence_hardly_depends_on_the_size() -> None:
    """Wilson and Hilferty: the same mean and sd for 300 and 6,000 rows, little skewness."""
    rng, shares = np.random.default_rng(1), [0.5, 0.3, 0.2]
    moments = []
    for n in (300, 6000):
        p, q = (rng.multinomial(n, shares, 4000).astype(float) for _ in range(2))
        pad = np.column_stack([np.full(4000, n), np.zeros(4000)])
        found = size_free(divergences(NOMINAL, np.hstack([p, pad]), np.hstack([q, pad]))[:, 0], 2 / n)
        moments.append((found.mean(), found.std(), ((found - found.mean()) ** 3).mean() / found.std() ** 3))
    assert moments[0][0] == pytest.approx(moments[1][0], rel=0.02)
    assert moments[0][1] == pytest.approx(moments[1][1], rel=0.04)
    assert all(abs(skewness) < 0.25 for _, _, skewness in moments)
