import json
from collections import Counter

import pandas as pd
import pytest

from health_predict.columns import BY_NAME, COLUMNS, DIAGNOSES, INPUTS, NAMES
from health_predict.diagnoses import CHAPTERS, COMORBIDITIES, GROUPS, group_of, names, within
from health_predict.reading import parse_csv
from health_predict.records import generate_records
from health_predict.schema import validate
from tests.strategies import csv_text, frame


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    return frame(generate_records(4000, seed=0, columns=COLUMNS), COLUMNS)


def test_are_valid_as_a_file(many) -> None:
    pd.testing.assert_frame_equal(validate(parse_csv(csv_text(many).encode(), "generated"), "generated"), many)


def test_have_the_input_columns_in_declared_order_unless_told_otherwise() -> None:
    assert list(generate_records(1, seed=0)[0]) == [column.name for column in INPUTS]
    assert tuple(generate_records(1, seed=0, columns=COLUMNS)[0]) == NAMES


def test_reach_every_category_code_and_end_of_a_range(many) -> None:
    for column in COLUMNS:
        values = set(many[column.name].dropna())
        if column.kind in ("category", "code"):
            assert values == set(column.categories or column.codes), column.name
        if column.kind == "integer":
            at_an_end = many[column.name].isin([column.low, column.high]).mean()
            assert at_an_end > 0.15, column.name  # where rules such as "above 0" turn
            assert {column.low, column.high} < values, column.name


def test_draw_categories_evenly(many) -> None:
    counts = Counter(many["race"].dropna())
    assert max(counts.values()) < 1.3 * min(counts.values())


@pytest.mark.parametrize("column", DIAGNOSES)
def test_reach_every_group_of_diagnoses_and_every_form_of_a_code(many, column: str) -> None:
    codes = many[column].dropna()
    assert {group_of(code, GROUPS) for code in codes} == set(names(GROUPS))
    assert {group_of(code, CHAPTERS) for code in codes} == set(names(CHAPTERS))
    assert all(any(within(code, ranges) for code in codes) for _, ranges in COMORBIDITIES)
    assert {len(code.partition(".")[2]) for code in codes} == {0, 1, 2}
    assert {code[0] for code in codes if not code[0].isdigit()} == {"V", "E"}


def test_same_seed_same_records_and_a_longer_list_starts_the_same() -> None:
    assert generate_records(5, seed=1) == generate_records(5, seed=1)
    assert generate_records(5, seed=1) != generate_records(5, seed=2)
    assert generate_records(9, seed=1)[:5] == generate_records(5, seed=1)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_only_what_may_be_missing_is_missing(share: float) -> None:
    for row in generate_records(50, seed=0, share_missing=share, columns=COLUMNS):
        for name, value in row.items():
            assert (value is None) == (share == 1.0 and BY_NAME[name].missing), name


def test_encounters_are_unique_and_patients_return(many) -> None:
    assert many["encounter_id"].is_unique
    assert many["encounter_id"].is_monotonic_increasing
    assert 0.5 < many["patient_nbr"].nunique() / len(many) < 0.8


def test_go_through_json_unchanged() -> None:
    rows = generate_records(20, seed=0)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
