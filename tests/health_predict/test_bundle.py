"""The bundle scores like the scikit-learn path, for every family and every test encounter, or it is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from health_predict.bundle import Origin, build_bundle, frame_records, prove_parity, records_frame
from health_predict.calibration import Calibration
from health_predict.columns import PATIENT
from health_predict.engineer import engineer
from health_predict.example import EXAMPLE
from health_predict.explainer_file import write_trees
from health_predict.families import FAMILIES, Family, fit, sample_configurations
from health_predict.features import FEATURES
from health_predict.fitted_trees import read_trees
from health_predict.model import CalibratedClassifier, TrainedModel
from health_predict.onnx_export import export_onnx
from health_predict.preprocessor import fit_preprocessor
from health_predict.records import generate_records
from health_predict.scorer import BUNDLE_FILES, BundleError, load_scorer
from health_predict.target import readmitted_binary
from tests.imports import modules_loaded_by

ORIGIN = Origin("run", "sha", "uci", 1, "2026-01-01T00:00:00+00:00")
SIZES: dict[Family, int] = {"logistic_regression": 3, "random_forest": 50, "xgboost": 60}


@pytest.fixture(scope="module")
def models(real_splits) -> dict[Family, TrainedModel]:
    train = real_splits.train
    y = readmitted_binary(train, "any")
    preprocessor, X = fit_preprocessor(engineer(train), y, train[PATIENT], seed=0)
    calibration = Calibration(1.1, -0.05)
    return {
        c.family: TrainedModel(c, SIZES[c.family], "any", preprocessor, fit(c, SIZES[c.family], X, y), calibration, 0.5)
        for c in sample_configurations(FAMILIES, 3, seed=1)
    }


@pytest.fixture(scope="module")
def folders(models, tmp_path_factory) -> dict[Family, Path]:
    folders = {family: tmp_path_factory.mktemp(family) for family in models}
    for family, model in models.items():
        build_bundle(model, ORIGIN, folders[family], seed=3)
    return folders


@pytest.mark.parametrize("family", FAMILIES)
def test_parity_on_all_test_encounters_within_1e_6(family: Family, models, folders, real_splits) -> None:
    assert prove_parity(load_scorer(folders[family]), models[family], real_splits.test) <= 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_parity_on_generated_records_with_missing_values(family: Family, models, folders) -> None:
    records = generate_records(300, seed=9, share_missing=0.4)
    expected = models[family].probabilities(records_frame(records))
    assert np.max(np.abs(load_scorer(folders[family]).probabilities(records) - expected)) <= 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_a_table_scores_exactly_as_its_records(family: Family, folders, real_splits) -> None:
    scorer = load_scorer(folders[family])
    records = frame_records(real_splits.test)
    table = {name: [record[name] for record in records] for name in records[0]}
    np.testing.assert_allclose(scorer.probabilities_of_table(table), scorer.probabilities(records), rtol=0, atol=1e-12)
    assert scorer.probabilities_of_table({}).shape == (0,)


@pytest.mark.parametrize("family", FAMILIES)
def test_explanations_of_test_encounters_add_up_to_the_raw_score(family: Family, folders, real_splits) -> None:
    scorer = load_scorer(folders[family])
    records = frame_records(real_splits.test.head(400))
    raw = scorer.raw_scores(scorer.encoder.encode_all(records))
    found = [scorer.explain(record) for record in records]
    assert np.max(np.abs([explanation.score for explanation in found] - raw)) <= 1e-6
    for explanation in found:
        assert {name for name, _ in explanation.contributions} == {feature.name for feature in FEATURES}
        total = explanation.base + sum(value for _, value in explanation.contributions)
        assert total == pytest.approx(explanation.raw_score, abs=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_explanation_names_what_the_record_stands_out_by(family: Family, folders) -> None:
    """Nothing foretells a readmission like earlier stays."""
    scorer = load_scorer(folders[family])
    first, _ = zip(*scorer.explain(EXAMPLE | {"number_inpatient": 9}).contributions[:3], strict=True)
    assert {"number_inpatient", "prior_use", "any_inpatient"} & set(first)
    assert scorer.explain(EXAMPLE).unit == ("probability" if family == "random_forest" else "log-odds")


def test_the_golden_records_are_invented_and_differ(folders, real_splits) -> None:
    golden = json.loads((folders["xgboost"] / "golden.json").read_text())
    assert len(golden["records"]) == 64
    assert np.ptp(golden["probabilities"]) > 0.2
    real = {json.dumps(record, sort_keys=True) for record in frame_records(real_splits.train)}
    assert not real & {json.dumps(record, sort_keys=True) for record in golden["records"]}


def test_the_manifest_says_what_was_trained_on_what(folders) -> None:
    manifest = json.loads((folders["random_forest"] / "manifest.json").read_text())
    assert (manifest["family"], manifest["size"], manifest["target"]) == ("random_forest", 50, "any")
    assert (manifest["data_sha256"], manifest["provenance"]) == ("sha", "uci")
    assert len(manifest["feature_order"]) == 126
    assert set(manifest["versions"]) >= {"scikit-learn", "onnxruntime", "xgboost-cpu"}


def _copy(folder: Path, target: Path) -> Path:
    for name in BUNDLE_FILES:
        (target / name).write_bytes((folder / name).read_bytes())
    return target


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_a_missing_file_is_refused(name: str, folders, tmp_path: Path) -> None:
    bundle = _copy(folders["xgboost"], tmp_path)
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        load_scorer(bundle)


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_a_corrupt_file_is_refused(name: str, folders, tmp_path: Path) -> None:
    bundle = _copy(folders["xgboost"], tmp_path)
    (bundle / name).write_bytes((bundle / name).read_bytes()[:50])
    with pytest.raises(BundleError, match="unreadable"):
        load_scorer(bundle)


def test_a_changed_threshold_file_or_another_models_estimator_does_not_replay(folders, tmp_path: Path) -> None:
    bundle = _copy(folders["xgboost"], tmp_path)
    (bundle / "model.onnx").write_bytes((folders["random_forest"] / "model.onnx").read_bytes())
    with pytest.raises(BundleError, match="golden records are off by"):
        load_scorer(bundle)


def test_an_explainer_of_another_model_is_refused(models, folders, tmp_path: Path) -> None:
    bundle = _copy(folders["random_forest"], tmp_path)
    trees = read_trees(models["random_forest"].estimator)
    write_trees(bundle / "explainer.npz", replace(trees, leaf=trees.leaf + 1e-7), "probability")  # 50 trees: 5e-6
    with pytest.raises(BundleError, match="golden explanations are off by"):
        load_scorer(bundle)


def test_a_bundle_of_an_earlier_format_is_refused(folders, tmp_path: Path) -> None:
    bundle = _copy(folders["xgboost"], tmp_path)
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | {"format": 1}))
    with pytest.raises(BundleError, match="is of format 1 where 2 is read"):
        load_scorer(bundle)


def test_an_estimator_of_another_width_is_refused(folders, tmp_path: Path) -> None:
    bundle = _copy(folders["logistic_regression"], tmp_path)
    narrow = LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    (bundle / "model.onnx").write_bytes(export_onnx(narrow, 2).SerializeToString())
    with pytest.raises(BundleError, match="unreadable"):
        load_scorer(bundle)


def test_golden_records_must_be_there(folders, tmp_path: Path) -> None:
    bundle = _copy(folders["xgboost"], tmp_path)
    (bundle / "golden.json").write_text('{"records": [], "probabilities": []}')
    with pytest.raises(BundleError, match="no complete set of records"):
        load_scorer(bundle)


def test_nan_probabilities_never_pass_as_replayed(folders, tmp_path: Path) -> None:
    bundle = _copy(folders["xgboost"], tmp_path)
    golden = json.loads((bundle / "golden.json").read_text())
    golden["probabilities"][0] = float("nan")
    (bundle / "golden.json").write_text(json.dumps(golden))
    with pytest.raises(BundleError, match="off by"):
        load_scorer(bundle)


def test_scoring_needs_no_pandas_scikit_learn_or_scipy() -> None:
    loaded = modules_loaded_by("health_predict.scorer")
    assert not {"pandas", "sklearn", "scipy", "xgboost", "joblib"} & loaded


def test_the_calibrated_classifier_cannot_be_fitted_and_predicts_at_its_threshold(models, real_splits) -> None:
    model = models["logistic_regression"]
    classifier = CalibratedClassifier(model.estimator, 1.1, -0.05, 0.6)
    matrix = np.asarray(model.preprocessor.transform(engineer(real_splits.test.head(50))))
    expected = model.probabilities(real_splits.test.head(50))
    assert np.allclose(classifier.predict_proba(matrix)[:, 1], expected)
    assert np.array_equal(classifier.predict(matrix), expected >= 0.6)
    with pytest.raises(TypeError, match=r"train with run\.py"):
        classifier.fit(matrix, np.zeros(50))
