import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.monitoring.cells import UNSEEN, Cells, Layout, pool
from health_predict.monitoring.monitored import MONITORED, NAMES, bin_frame
from health_predict.privacy import SMALLEST_GROUP
from health_predict.reading import RawData


def random_levels(rng: np.random.Generator, count: int) -> np.ndarray:
    """Skewed levels, so that some are rare and some are absent."""
    columns = [np.minimum(rng.geometric(0.4, count) - 1, len(c.levels) - 1) for c in MONITORED]
    return np.column_stack(columns).astype(np.int16)


@given(st.integers(0, 10_000), st.integers(30, 400), st.integers(11, 200))
def test_no_cell_tells_about_fewer_than_eleven_patients(seed, count, patient_count) -> None:
    rng = np.random.default_rng(seed)
    patients = np.concatenate([np.arange(11), rng.integers(0, patient_count, count - 11)])
    levels = random_levels(rng, count)
    for i, cells in enumerate(pool(levels, patients)):
        cell = np.array(cells.of_level)[levels[:, i]]
        for number, name in enumerate(cells.names):
            members = len(np.unique(patients[cell == number]))
            assert members >= SMALLEST_GROUP or (members == 0 and name == UNSEEN), (cells.column, name)


def test_real_histograms_hold_eleven_patients_a_cell(real_raw: RawData) -> None:
    frame = real_raw.frame.head(1500)
    levels, patients = bin_frame(frame), frame["patient_nbr"].to_numpy()
    pooled = pool(levels, patients)
    small = []
    for i, cells in enumerate(pooled):
        cell = np.array(cells.of_level)[levels[:, i]]
        sizes = [len(np.unique(patients[cell == number])) for number in range(len(cells.names))]
        small += [(cells.column, size) for size in sizes if 0 < size < SMALLEST_GROUP]
    assert small == []
    assert sum(len(c.names) for c in pooled) < sum(len(c.levels) for c in MONITORED)  # something was pooled


def test_a_new_value_of_a_nominal_column_has_a_cell_of_its_own_and_an_ordered_one_joins_its_neighbour() -> None:
    levels = np.zeros((50, len(MONITORED)), dtype=np.int16)
    levels[25:, NAMES.index("age")] = 4
    cells = dict(zip(NAMES, pool(levels, np.arange(50)), strict=True))
    assert cells["payer_code"].names == ("BC", UNSEEN)
    assert cells["payer_code"].of_level[1] == 1
    assert cells["age"].of_level == (0, 0, 0, 0, 1, 1, 1, 1, 1, 1)
    assert cells["age"].names == ("[0-10) to [30-40)", "[40-50) to [90-100)")


def test_pooled_levels_are_named_while_the_name_is_short() -> None:
    levels = np.zeros((50, len(MONITORED)), dtype=np.int16)
    levels[:3, NAMES.index("gender")] = 2
    levels[3:20, NAMES.index("gender")] = 1
    cells = pool(levels, np.arange(50))[NAMES.index("gender")]
    assert cells.names == ("Female", "Male or Unknown/Invalid", UNSEEN)


def test_terms_are_cells_of_nominal_and_cuts_of_ordered_columns() -> None:
    layout = Layout(
        (
            Cells("a", ("x", "y"), (0, 1), False),
            Cells("b", ("1", "2", "3"), (0, 1, 2), True),
            Cells("c", ("1",), (0,), True),
        )
    )
    counts = np.array([6.0, 4, 1, 2, 7, 10])
    assert (counts @ layout.terms).tolist() == [6, 4, 1, 3, 9, 7, 10]
    assert layout.term_starts.tolist() == [0, 2, 6]
    assert layout.cuts.tolist() == [1, 2, 1]


def test_counting_adds_up_in_every_column() -> None:
    levels = random_levels(np.random.default_rng(0), 300)
    layout = Layout(pool(levels, np.arange(300)))
    counts = layout.count(levels)
    np.testing.assert_array_equal(np.add.reduceat(counts, layout.starts), np.full(len(MONITORED), 300))
    assert counts.sum() == pytest.approx(300 * len(MONITORED))
