"""Samples obey the declaration and look like the real file where pipelines need it to.

The expected figures are those of the real file (benchmarks/synthetic_quality.py prints both sides).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.synthetic_quality import auroc, drift, history, marginal_errors
from health_predict.columns import DRUGS, ENCOUNTER, NAMES, PATIENT, WHOLE_NUMBERS
from health_predict.errors import InputError
from health_predict.reading import parse_csv
from health_predict.schema import build_schema, validate
from health_predict.synthetic import sample_encounters
from tests.strategies import csv_text

SCHEMA = build_schema()
LARGEST_REAL_ENCOUNTER, LARGEST_REAL_PATIENT = 443_867_222, 189_502_619

# by tenth of the real file in arrival order
ANY_RATE = (0.493, 0.448, 0.392, 0.442, 0.537, 0.512, 0.500, 0.492, 0.422, 0.370)
PAYER_MISSING = (1.00, 1.00, 0.656, 0.266, 0.309, 0.290, 0.127, 0.066, 0.105, 0.138)
SPECIALTY_MISSING = (0.364, 0.431, 0.344, 0.213, 0.442, 0.537, 0.575, 0.651, 0.673, 0.679)
ANY_INSULIN = (0.465, 0.438, 0.458, 0.545, 0.520, 0.532, 0.585, 0.606, 0.592, 0.602)
DIAGNOSES_MEAN = (6.76, 6.83, 6.77, 6.68, 7.53, 7.70, 7.78, 7.98, 8.00, 8.22)
SEEN_BEFORE = (0.183, 0.294, 0.268, 0.211, 0.222, 0.308, 0.355, 0.383, 0.368, 0.380)


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    return sample_encounters(40_000, seed=1)


@settings(max_examples=15)
@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_a_sample_obeys_the_declaration(n, seed):
    sample = SCHEMA.validate(sample_encounters(n, seed))
    assert tuple(sample.columns) == NAMES
    assert len(sample) == n
    assert sample[ENCOUNTER].is_monotonic_increasing and sample[ENCOUNTER].is_unique
    assert sample[ENCOUNTER].min() > LARGEST_REAL_ENCOUNTER and sample[PATIENT].min() > LARGEST_REAL_PATIENT
    text = sample.drop(columns=list(WHOLE_NUMBERS)).stack()  # stack leaves the missing out
    assert text.map(type).eq(str).all() and not text.eq("?").any()


@settings(max_examples=5)
@given(st.integers(1, 300), st.integers(0, 1000))
def test_a_sample_written_as_csv_reads_back_as_it_was(n, seed):
    sample = sample_encounters(n, seed)
    read = validate(parse_csv(csv_text(sample).encode(), "sample.csv"), "sample.csv")
    pd.testing.assert_frame_equal(read, sample)


def test_a_large_sample_obeys_the_declaration(large):
    SCHEMA.validate(large)


def test_the_same_seed_draws_the_same_sample_and_another_does_not():
    once = sample_encounters(300, seed=7)
    pd.testing.assert_frame_equal(once, sample_encounters(300, seed=7))
    assert not once.drop(columns=[ENCOUNTER, PATIENT]).equals(
        sample_encounters(300, seed=8).drop(columns=[ENCOUNTER, PATIENT])
    )


@pytest.mark.parametrize("n", [0, -3])
def test_an_empty_sample_is_refused(n):
    with pytest.raises(InputError, match="ask for 1 or more"):
        sample_encounters(n, seed=0)


def test_patients_come_back_as_in_the_real_file(large):
    found = history(large)
    assert found["patients with 1 encounters"] == pytest.approx(0.7655, abs=0.015)
    assert found["patients with 2 encounters"] == pytest.approx(0.1459, abs=0.012)
    assert found["patients with 5 and more"] == pytest.approx(0.0222, abs=0.006)
    assert found["any rate, not the last encounter"] == pytest.approx(0.984, abs=0.01)
    assert found["any rate, last of several"] == pytest.approx(0.304, abs=0.03)
    assert found["any rate, the only encounter"] == pytest.approx(0.220, abs=0.02)


def test_a_patient_keeps_race_and_gender_and_grows_no_younger(large):
    found = history(large)
    assert found["patients with one race and gender"] == 1.0
    assert found["age: down"] == 0.0
    assert found["age: one bracket up"] == pytest.approx(0.052, abs=0.03)


def test_a_missing_race_stays_missing(large):
    missing = large["race"].isna().groupby(large[PATIENT]).mean()
    assert missing.isin([0.0, 1.0]).all() and missing.sum() > 0


def test_the_sample_drifts_as_the_real_file_does(large):
    found = drift(large, parts=10)
    for name, expected, tolerance in (
        ("any rate", ANY_RATE, 0.04),
        ("payer_code missing", PAYER_MISSING, 0.04),
        ("medical_specialty missing", SPECIALTY_MISSING, 0.04),
        ("any insulin", ANY_INSULIN, 0.04),
        ("number_diagnoses mean", DIAGNOSES_MEAN, 0.15),
        ("seen before", SEEN_BEFORE, 0.04),
    ):
        assert found.loc[name].to_numpy() == pytest.approx(np.array(expected), abs=tolerance), name


def test_drugs_change_and_flag_agree(large):
    on = (large[list(DRUGS)] != "No").any(axis=1)
    assert ((large["diabetesMed"] == "Yes") == on).all()
    changed = large[list(DRUGS)].isin(["Up", "Down"]).any(axis=1)
    assert (large.loc[changed, "change"] == "Ch").all()


def test_every_column_is_distributed_as_in_the_real_file(large, real_raw):
    assert marginal_errors(real_raw.frame, large).max() <= 0.03


def test_a_model_of_the_sample_works_on_real_encounters(large, real_splits):
    sample, real = large.iloc[::2], real_splits.future.iloc[::5]
    assert auroc(sample, real, "any", rounds=80) >= 0.64
