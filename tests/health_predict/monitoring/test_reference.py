import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from health_predict.errors import InputError
from health_predict.monitoring.monitored import NAMES
from health_predict.monitoring.reference import Reference, build_reference
from health_predict.monitoring.reference_files import (
    REFERENCE_JSON,
    REFERENCE_NULL,
    load_reference,
    save_reference,
)
from health_predict.privacy import SMALLEST_GROUP
from tests.health_predict.monitoring.invented import encounters, outcomes

EQUAL = {name: 1 / len(NAMES) for name in NAMES}


def same(one: Reference, other: Reference) -> bool:
    plain = [dataclasses.replace(reference, null=None) for reference in (one, other)]
    nulls = zip(one.null.sizes, other.null.sizes, strict=True)
    return plain[0] == plain[1] and all(
        np.array_equal(getattr(a, field.name), getattr(b, field.name))
        for a, b in nulls
        for field in dataclasses.fields(a)
    )


def test_every_column_counts_every_row(reference: Reference) -> None:
    columns = np.add.reduceat(np.array(reference.counts), reference.layout.starts)
    assert set(columns.tolist()) == {reference.rows}
    assert sum(reference.scores.counts) == reference.rows


def test_the_score_summary_by_hand() -> None:
    frame = encounters(600, seed=2)
    y, score = outcomes(600, seed=2)
    scores = build_reference(frame, y, score, EQUAL, sizes=(250,), draws=2000, seed=0).scores
    assert scores.observed == pytest.approx(y.mean())
    assert scores.predicted == pytest.approx(score.mean())
    assert scores.gap_variance == pytest.approx(((y - score) ** 2).sum() / 600**2)  # a patient each
    pairs = [(a > b) + (a == b) / 2 for a in score[y == 1] for b in score[y == 0]]
    assert scores.auroc == pytest.approx(np.mean(pairs))


def test_the_same_seed_builds_the_same_reference() -> None:
    frame, (y, score) = encounters(600, seed=2), outcomes(600, seed=2)
    one, again = (build_reference(frame, y, score, EQUAL, sizes=(250,), draws=2000, seed=5) for _ in range(2))
    assert same(one, again)


def test_it_survives_its_files(reference: Reference, tmp_path: Path) -> None:
    save_reference(reference, tmp_path / "reference")
    assert same(load_reference(tmp_path / "reference"), reference)


def test_the_files_hold_no_row_and_no_small_group(reference: Reference, tmp_path: Path) -> None:
    save_reference(reference, tmp_path)
    content = json.loads((tmp_path / REFERENCE_JSON).read_text())
    assert set(content) == {
        *("format", "rows", "cluster_size", "correlations", "cells", "counts", "importances", "scores")
    }
    assert all(count == 0 or count >= SMALLEST_GROUP for count in content["counts"] + content["scores"]["counts"])
    with np.load(tmp_path / REFERENCE_NULL, allow_pickle=False) as arrays:
        lengths = {name: len(arrays[name]) for name in arrays.files}
    assert set(lengths.values()) == {len(NAMES), 4000}  # columns and draws, never rows


@pytest.mark.parametrize("name", [REFERENCE_JSON, REFERENCE_NULL])
def test_a_missing_or_broken_file_is_one_line(reference: Reference, tmp_path: Path, name) -> None:
    save_reference(reference, tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=rf"{name} is missing; the model came without one"):
        load_reference(tmp_path)
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="unreadable") as caught:
        load_reference(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_reference_of_other_columns_is_refused(reference: Reference, tmp_path: Path) -> None:
    save_reference(reference, tmp_path)
    path = tmp_path / REFERENCE_JSON
    path.write_text(path.read_text().replace('"column": "race"', '"column": "ethnicity"'))
    with pytest.raises(InputError, match="other watched columns"):
        load_reference(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame, y: (frame.assign(patient_nbr=np.arange(len(frame)) % 10), y), "fewer than 11 patients"),
        (lambda frame, y: (frame, np.zeros_like(y)), "the same outcome"),
    ],
)
def test_a_window_that_cannot_be_a_reference_is_one_line(change, message) -> None:
    y, score = outcomes(600, seed=2)
    frame, y = change(encounters(600, seed=2), y)
    with pytest.raises(InputError, match=message):
        build_reference(frame, y, score, EQUAL, sizes=(250,), draws=2000, seed=0)
