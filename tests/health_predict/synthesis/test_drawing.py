"""Draws follow their tables."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from health_predict.synthesis.conditionals import normalise
from health_predict.synthesis.drawing import draw, draw_within

tables = arrays(np.float64, (3, 2, 5), elements=st.floats(0.0, 1.0)).map(normalise)


@settings(max_examples=25)
@given(tables, st.integers(0, 1000))
def test_draws_have_the_frequencies_of_their_row(table, seed):
    random = np.random.default_rng(seed)
    parents = (np.repeat([0, 1, 2], 4000), np.tile([0, 1], 6000))
    levels = draw(table, parents, random)
    for first in range(3):
        for second in range(2):
            drawn = levels[(parents[0] == first) & (parents[1] == second)]
            frequency = np.bincount(drawn, minlength=5) / len(drawn)
            assert np.allclose(frequency, table[first, second], atol=0.06)
            assert (frequency[table[first, second] == 0] == 0).all()


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_values_come_from_the_wanted_group_in_proportion(seed):
    table = normalise(np.array([[1.0, 3.0, 2.0, 0.0, 4.0], [5.0, 5.0, 0.0, 1.0, 1.0]]))
    group = np.array([0, 0, 1, 1, 2])
    row, wanted = np.repeat([0, 1], 3000), np.tile([0, 1, 2], 2000)
    values = draw_within(table, group, row, wanted, np.random.default_rng(seed))
    assert (group[values] == wanted).all()
    assert abs((values[(row == 0) & (wanted == 0)] == 1).mean() - 0.75) < 0.06
    assert (values[(row == 0) & (wanted == 1)] == 2).all()
    assert (values[(row == 1) & (wanted == 1)] == 3).all()
