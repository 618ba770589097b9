"""What the design promises about leakage: no feature knows the future, the patient or the label."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from health_predict.columns import COLUMNS, ENCOUNTER, INPUTS, PATIENT, TARGET_COLUMN
from health_predict.engineer import engineer
from health_predict.features import FEATURES, INPUT_COLUMNS
from health_predict.preprocessor import build_preprocessor, source_features, transform
from health_predict.records import generate_records
from health_predict.splits import Splits, arrival_order
from health_predict.target import readmitted_binary
from tests.strategies import frame, raw_frame, records


def test_no_identifier_and_no_outcome_is_an_input() -> None:
    forbidden = {column.name for column in COLUMNS if column.role in ("identifier", "target")}
    assert forbidden == {ENCOUNTER, PATIENT, TARGET_COLUMN}
    assert forbidden.isdisjoint(INPUT_COLUMNS)
    assert forbidden.isdisjoint(column.name for column in INPUTS)
    assert set(source_features()) == {feature.name for feature in FEATURES}


@given(st.data())
@settings(max_examples=12)
def test_later_encounters_change_no_earlier_row(data) -> None:
    """Whether they are changed, removed or of the same patient."""
    earlier = generate_records(data.draw(st.integers(1, 6)), seed=data.draw(st.integers(0, 99)), columns=COLUMNS)
    patient = earlier[0][PATIENT]
    later = [
        row | {ENCOUNTER: 100 + i, PATIENT: patient}
        for i, row in enumerate(data.draw(records(columns=COLUMNS, max_size=3)))
    ]
    alone = engineer(arrival_order(frame(earlier, COLUMNS)))
    shuffled = data.draw(st.permutations([*earlier, *later]))
    together = engineer(arrival_order(frame(shuffled, COLUMNS)))
    pd.testing.assert_frame_equal(together.head(len(earlier)), alone)


def test_features_do_not_move_with_identifiers_or_outcome() -> None:
    raw = raw_frame(100)
    scrambled = raw.assign(
        **{name: raw[name].sample(frac=1, random_state=0).to_numpy() for name in (ENCOUNTER, PATIENT, TARGET_COLUMN)}
    )
    pd.testing.assert_frame_equal(engineer(scrambled), engineer(raw))


@pytest.mark.parametrize("seed", [0, 1])
def test_permuted_labels_cannot_be_learned(real_splits: Splits, seed: int) -> None:
    together = pd.concat([real_splits.train, real_splits.validation], ignore_index=True)
    noise = np.random.default_rng(seed).permutation(readmitted_binary(together, "any"))
    rows = len(real_splits.train)
    engineered = engineer(together)
    preprocessor = build_preprocessor(seed)
    matrix = preprocessor.fit_transform(engineered.head(rows), noise[:rows])
    model = LogisticRegression(C=0.05, max_iter=500).fit(matrix, noise[:rows])
    scores = model.decision_function(transform(preprocessor, engineered.tail(-rows)))
    assert 0.47 <= roc_auc_score(noise[rows:], scores) <= 0.53


def test_true_labels_can_be_learned(real_splits: Splits) -> None:
    """The other side of the test before: the same model on the true labels."""
    train, validation = real_splits.train, real_splits.validation
    y = readmitted_binary(train, "any")
    preprocessor = build_preprocessor(0)
    matrix = preprocessor.fit_transform(engineer(train), y)
    model = LogisticRegression(C=0.05, max_iter=500).fit(matrix, y)
    scores = model.decision_function(transform(preprocessor, engineer(validation)))
    assert 0.67 <= roc_auc_score(readmitted_binary(validation, "any"), scores) <= 0.75
