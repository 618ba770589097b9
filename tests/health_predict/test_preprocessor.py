import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pointbiserialr

from health_predict.engineer import engineer
from health_predict.features import ONE_HOT, SCALED, TARGET_ENCODED
from health_predict.preprocessor import (
    build_preprocessor,
    export_encoder,
    feature_names,
    fit_preprocessor,
    source_features,
    to_float32,
    transform,
)
from health_predict.target import readmitted_binary
from tests.strategies import raw_frame

WIDTH = 126


@pytest.fixture(scope="module")
def engineered() -> pd.DataFrame:
    return engineer(raw_frame(400))


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, 400)


@pytest.fixture(scope="module")
def fitted(engineered, labels):
    return build_preprocessor(seed=0).fit(engineered, labels)


def test_the_matrix_is_float32_from_fit_and_from_transform(engineered, labels, fitted) -> None:
    for matrix in (build_preprocessor(seed=0).fit_transform(engineered, labels), fitted.transform(engineered)):
        assert matrix.dtype == np.float32
        assert matrix.shape == (400, WIDTH)
        assert np.isfinite(matrix).all()


def test_every_block_is_float32_before_the_blocks_are_joined(engineered, fitted) -> None:
    """So no wide float64 matrix exists, and the dense one-hot block costs 4 bytes a cell."""
    blocks = {name: block.transform(engineered[names]) for name, block, names in fitted.transformers_}
    assert {name: block.dtype for name, block in blocks.items()} == dict.fromkeys(
        ("scaled", "one_hot", "target"), np.dtype("float32")
    )
    assert sum(block.shape[1] for block in blocks.values()) == WIDTH


def test_the_columns_are_the_same_whatever_was_fitted(engineered, labels, fitted) -> None:
    uniform = pd.concat([engineered.head(1)] * 50, ignore_index=True)
    narrow = build_preprocessor(seed=1).fit(uniform, np.arange(50) % 2)
    assert feature_names(narrow) == feature_names(fitted)
    assert transform(narrow, engineered).shape == (400, WIDTH)


def test_one_hot_levels_are_the_declared_ones_and_one_of_them_is_set(engineered, fitted) -> None:
    names, matrix = feature_names(fitted), transform(fitted, engineered)
    for feature in ONE_HOT:
        wanted = [f"{feature.name}_{level}" for level in feature.levels]
        block = matrix[:, names.index(wanted[0]) : names.index(wanted[0]) + len(wanted)]
        assert names[names.index(wanted[0]) :][: len(wanted)] == tuple(wanted)
        assert (block.sum(axis=1) == 1).all()
        assert [feature.levels[i] for i in block.argmax(axis=1)] == engineered[feature.name].tolist()


def test_each_column_names_its_declared_feature(fitted) -> None:
    names, sources = feature_names(fitted), source_features()
    assert len(names) == len(set(names)) == len(sources) == WIDTH
    assert all(name == source or name.startswith(f"{source}_") for name, source in zip(names, sources, strict=True))
    assert set(sources) == {feature.name for feature in (*SCALED, *ONE_HOT, *TARGET_ENCODED)}


def test_scaled_columns_have_mean_0_and_deviation_1_on_the_rows_of_the_fit(engineered, fitted) -> None:
    block = transform(fitted, engineered)[:, : len(SCALED)].astype(np.float64)
    varying = engineered[[feature.name for feature in SCALED]].nunique().to_numpy() > 1
    np.testing.assert_allclose(block.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(block.std(axis=0)[varying], 1, atol=1e-6)


def test_rows_are_encoded_alone(engineered, fitted) -> None:
    whole = transform(fitted, engineered)
    alone = np.concatenate([transform(fitted, engineered.iloc[[row]]) for row in (0, 7, 399)])
    np.testing.assert_array_equal(alone, whole[[0, 7, 399]])


def test_an_unseen_level_is_encoded_as_the_mean_of_the_target(engineered, labels) -> None:
    seen = engineered["specialty"] != "Urology"
    part = build_preprocessor(seed=0).fit(engineered[seen], labels[seen])
    row = engineered.head(1).assign(specialty="Urology")
    assert transform(part, row)[0, -1] == np.float32(labels[seen].mean())


def test_the_same_seed_gives_the_same_matrix_and_another_seed_other_folds(engineered, labels, fitted) -> None:
    first, again, other = (build_preprocessor(seed).fit_transform(engineered, labels) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    target = len(TARGET_ENCODED)
    np.testing.assert_array_equal(first[:, :-target], other[:, :-target])
    assert (first[:, -target:] != other[:, -target:]).any()


def test_the_export_is_plain_json_without_nan(fitted) -> None:
    exported = export_encoder(fitted)
    assert json.loads(json.dumps(exported, allow_nan=False)).keys() == {"feature_order", "features"}
    assert exported["feature_order"] == list(feature_names(fitted))
    assert len(json.dumps(exported)) < 300_000
    for entry in exported["features"]:
        assert entry.get("scale", 1.0) > 0, entry["name"]


def test_to_float32_keeps_float32_as_it_is() -> None:
    matrix = np.ones((2, 2), np.float32)
    assert to_float32(matrix) is matrix


def test_training_rows_do_not_see_their_own_label(real_splits) -> None:
    """Cross-fitted: with random labels the encoding of a training row says nothing of its label; refitted, it does."""
    engineered = engineer(real_splits.train)
    noise = np.random.default_rng(0).permutation(readmitted_binary(real_splits.train, "any"))
    preprocessor = build_preprocessor(seed=0)
    crossed = preprocessor.fit_transform(engineered, noise)[:, -len(TARGET_ENCODED) :]
    refitted = transform(preprocessor, engineered)[:, -len(TARGET_ENCODED) :]
    for column in range(len(TARGET_ENCODED)):
        assert not np.array_equal(crossed[:, column], refitted[:, column])
        assert abs(pointbiserialr(noise, crossed[:, column]).statistic) < 0.03
        assert pointbiserialr(noise, refitted[:, column]).statistic > 0.03


def test_a_level_that_occurs_once_is_encoded_without_its_row(engineered, labels) -> None:
    """In its own fold the level is unseen, so it gets the mean of the other folds, whatever its label."""
    once = engineered.assign(specialty=["Urology"] + ["Cardiology"] * 399)
    crossed = build_preprocessor(seed=0).fit_transform(once, labels)[0, -1]
    assert crossed == pytest.approx(labels.mean(), abs=0.01)
    refitted = transform(build_preprocessor(seed=0).fit(once, labels), once)[0, -1]
    assert abs(refitted - labels.mean()) > abs(crossed - labels.mean())


def test_a_level_of_under_11_patients_is_encoded_as_unknown_and_not_written_down() -> None:
    """Ten patients of one specialty, all readmitted, and thirty encounters of a single patient of another."""
    n = 200
    frame = raw_frame(n).assign(medical_specialty="Cardiology")
    frame.loc[:9, "medical_specialty"] = "Dentistry"
    frame.loc[10:39, "medical_specialty"] = "Speech"
    patients = np.arange(n)
    patients[10:40] = 10
    y = np.arange(n) % 2
    y[:40] = 1
    preprocessor, _ = fit_preprocessor(engineer(frame), y, patients, seed=0)
    specialty = export_encoder(preprocessor)["features"][-1]
    assert set(specialty["encodings"]) == {"Cardiology"}
    column = transform(preprocessor, engineer(frame))[:, -1]
    assert np.all(column[:40] == np.float32(y.mean()))
