import time

import numpy as np
import pytest

from health_predict.errors import InputError
from health_predict.monitoring.cells import Layout, pool
from health_predict.monitoring.distance import divergences, size_free
from health_predict.monitoring.monitored import MONITORED, bin_frame
from health_predict.monitoring.null import Drawable, Null, SizeNull, build_null, standardise
from health_predict.reading import RawData
from health_predict.trials import auroc
from tests.health_predict.monitoring.invented import outcomes

WEIGHTS = np.full(len(MONITORED), 1 / len(MONITORED))


@pytest.fixture(scope="module")
def drawable(real_raw: RawData) -> Drawable:
    frame = real_raw.frame.sample(4000, random_state=0)
    levels = bin_frame(frame)
    layout = Layout(pool(levels, frame["patient_nbr"].to_numpy()))
    y, score = outcomes(len(frame), seed=3)
    return Drawable(layout, layout.encode(levels), WEIGHTS, y, score)


def by_hand(drawable: Drawable, rows: int, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One draw after the other, from the definition: rows taken out, compared with the rows that stay."""
    rng, m = np.random.default_rng(seed), len(drawable.cells)
    found, losses = [], []
    for _ in range(draws):
        out = np.zeros(m, dtype=bool)
        out[rng.permutation(m)[:rows]] = True
        drawn, rest = (
            np.bincount(drawable.cells[part].ravel(), minlength=drawable.layout.size) for part in (out, ~out)
        )
        found.append(divergences(drawable.layout, drawn.astype(float), rest.astype(float)))
        scores = [auroc(drawable.y[part], drawable.score[part]) for part in (out, ~out)]
        losses.append((scores[1] - scores[0]) / np.sqrt(1 / rows + 1 / (m - rows)))
    columns = size_free(np.array(found), (1 / rows + 1 / (m - rows)))
    impact = np.sqrt(np.array(found)) @ WEIGHTS / np.sqrt(1 / rows + 1 / (m - rows))
    return columns, impact, np.array(losses)


def test_the_null_is_that_of_drawing_by_hand(drawable: Drawable) -> None:
    null = build_null(drawable, (400,), draws=4000, seed=0).at(400)
    columns, impact, losses = by_hand(drawable, 400, 600, seed=9)
    error = columns.std(axis=0) / np.sqrt(600)
    assert np.all(np.abs(null.mean - columns.mean(axis=0)) < 5 * error + 1e-12)
    largest = standardise(columns, null.mean, null.sd).max(axis=1)
    for share in (0.5, 0.9, 0.98):
        assert np.mean(largest > np.quantile(null.largest, share)) == pytest.approx(1 - share, abs=0.05)
        assert np.mean(impact > np.quantile(null.impact, share)) == pytest.approx(1 - share, abs=0.05)
        assert np.mean(losses > np.quantile(null.auroc_loss, share)) == pytest.approx(1 - share, abs=0.05)


def test_interpolation_agrees_with_a_null_drawn_at_that_size(drawable: Drawable) -> None:
    grid = build_null(drawable, (250, 500, 2000), draws=4000, seed=0)
    for rows in (350, 1000):
        between, drawn = grid.at(rows), build_null(drawable, (rows,), draws=4000, seed=1).at(rows)
        np.testing.assert_allclose(between.mean, drawn.mean, rtol=0.05, atol=0.02)
        np.testing.assert_allclose(between.sd, drawn.sd, rtol=0.12, atol=0.02)
        for name in ("largest", "impact", "auroc_loss"):
            for share in (0.5, 0.99):
                threshold = np.quantile(getattr(between, name), share)
                assert np.mean(getattr(drawn, name) > threshold) == pytest.approx(1 - share, abs=0.05), (rows, name)
            alarms = np.mean(getattr(drawn, name) > np.quantile(getattr(between, name), 0.995))
            assert 0.001 <= alarms <= 0.011, (rows, name)  # 4,000 draws: .005 +- 4 sd is .0005 to .0095


def test_a_drawn_size_is_taken_as_it_is_and_outside_the_nearest_holds(drawable: Drawable) -> None:
    null = build_null(drawable, (250, 1000), draws=2000, seed=0)
    assert null.at(250) is null.sizes[0]
    assert null.at(1000) is null.sizes[1]
    assert null.at(100) is null.sizes[0]
    assert null.at(50_000) is null.sizes[1]


def test_interpolation_is_linear_in_the_logarithm() -> None:
    one, other = (SizeNull(n, *(np.full(2, value) for _ in range(5))) for n, value in ((100, 1.0), (10_000, 3.0)))
    middle = Null((one, other)).at(1000)
    assert middle.rows == 1000
    np.testing.assert_allclose(middle.largest, 2.0)


def test_a_seed_fixes_the_null_and_another_changes_it(drawable: Drawable) -> None:
    first, again, other = (build_null(drawable, (250,), draws=2000, seed=seed).at(250) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.largest, again.largest)
    assert not np.array_equal(first.largest, other.largest)


def test_sizes_above_half_of_the_reference_are_left_out(drawable: Drawable) -> None:
    null = build_null(drawable, (250, 2000, 2001), draws=2000, seed=0)
    assert [size.rows for size in null.sizes] == [250, 2000]


def test_a_reference_too_small_for_every_size_is_drawn_in_halves(drawable: Drawable) -> None:
    null = build_null(drawable, (2500, 9000), draws=2000, seed=0)
    assert [size.rows for size in null.sizes] == [2000]


def test_too_few_draws_are_one_line(drawable: Drawable) -> None:
    with pytest.raises(InputError, match=r"1999 draws make no null; give at least 2,000"):
        build_null(drawable, (250,), draws=1999, seed=0)


def test_two_thousand_draws_of_a_thousand_rows_take_a_few_seconds_of_cpu(drawable: Drawable) -> None:
    start = time.process_time()
    build_null(drawable, (1000,), draws=2000, seed=0)
    assert time.process_time() - start < 5
