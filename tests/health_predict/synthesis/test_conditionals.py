"""Estimates from counts with absent cells are probabilities, and raking reaches the margin it is given."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from health_predict.synthesis.conditionals import fill, normalise, rake

probabilities = arrays(np.float64, (3, 4, 2, 5), elements=st.floats(0.01, 1.0)).map(normalise)


@settings(max_examples=50)
@given(arrays(np.int64, (4, 6), elements=st.sampled_from([0, 0, 11, 22, 330])), st.integers(0, 2000))
def test_filled_rows_are_probabilities_and_keep_the_order_of_the_counts(counts, extra):
    filled = fill(counts, counts.sum(1) + extra, np.full((4, 6), 1 / 6))
    assert np.allclose(filled.sum(1), 1.0) and (filled >= 0).all()
    for row, estimate in zip(counts, filled, strict=True):
        known = np.flatnonzero(row)
        assert (np.argsort(row[known], kind="stable") == np.argsort(estimate[known].round(12), kind="stable")).all()


def test_absent_cells_share_what_the_counts_leave_over():
    fallback = np.array([[0.5, 0.3, 0.2]])
    filled = fill(np.array([[60, 0, 0]]), np.array([110]), fallback)
    assert np.allclose(filled, [[60 / 110, 30 / 110, 20 / 110]])


def test_a_row_without_any_count_is_its_fallback():
    fallback = np.array([[0.5, 0.3, 0.2]])
    assert np.allclose(fill(np.zeros((1, 3)), np.zeros(1), fallback), fallback)


def test_what_the_fallback_excludes_stays_impossible():
    filled = fill(np.array([[99, 0]]), np.array([110]), np.array([[1.0, 0.0]]))
    assert np.allclose(filled, [[1.0, 0.0]])


@settings(max_examples=30)
@given(probabilities, arrays(np.float64, (3, 5), elements=st.floats(0.05, 1.0)).map(normalise))
def test_raking_reaches_the_wanted_margin(tables, wanted):
    parents = np.full((3, 4, 2), 1 / 8)
    raked = rake(tables[0], parents, wanted)
    assert np.allclose(raked.sum(-1), 1.0)
    assert np.allclose(np.einsum("tab,tabx->tx", parents, raked), wanted, atol=0.01)


def test_a_level_absent_from_a_period_is_never_drawn_there():
    table = np.array([[[0.0, 1.0], [0.5, 0.5]]])
    raked = rake(table, np.full((1, 1, 2), 0.5), np.array([[1.0, 0.0]]))
    assert np.allclose(raked[0, 0], [[1.0, 0.0], [1.0, 0.0]])
