"""A file scored from end to end: every row once, scored as its record is, or aside with its reason."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_predict.columns import COLUMNS, WHOLE_NUMBERS
from health_predict.errors import InputError
from health_predict.families import FAMILIES, Family
from health_predict.record_schema import read_record
from health_predict.records import generate_records
from health_predict.scorer import Scorer
from health_predict.table_columns import FIELDS
from steps.deployment.score_file import score_table
from tests.small_bundle import build_small_bundle

Rows = list[dict[str, Any]]
CANARY = "CANARY-31415"
LAST_BITS = 1e-15  # ONNX Runtime's sigmoid differs by that with a row's place in a batch
BAD = {"age": "[25-30)", "diag_1": "X99", "num_medications": 999, "gender": None, "insulin": ""}


@pytest.fixture(scope="module")
def scorers(tmp_path_factory: pytest.TempPathFactory) -> dict[Family, Scorer]:
    return {family: build_small_bundle(family, tmp_path_factory.mktemp(family)) for family in FAMILIES}


def write(path: Path, rows: Rows, columns: list[str] | None = None) -> str:
    """Write rows as a user would: CSV in text with "?", Parquet with types and nulls."""
    names = columns or [column.name for column in COLUMNS]
    if path.suffix == ".parquet":
        kinds = [(name, pa.int64() if name in WHOLE_NUMBERS else pa.string()) for name in names]
        pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(kinds)), path)
        return str(path)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(["?" if row[name] is None else row[name] for name in names] for row in rows)
    path.write_text(buffer.getvalue())
    return str(path)


def read(path: str | Path) -> pd.DataFrame:
    if str(path).endswith(".parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path, float_precision="round_trip", keep_default_na=False)


def score(scorer: Scorer, source: str, destination: Path, **sizes: int) -> dict[str, Any]:
    return score_table(scorer, "3", source, str(destination), lambda *_: None, **sizes)


def spoiled(rows: Rows, places: list[tuple[int, str]]) -> Rows:
    rows = [dict(row) for row in rows]
    for place, field in places:
        rows[place % len(rows)][field] = BAD[field]
    return rows


@pytest.mark.parametrize("extension", [".csv", ".parquet"])
@settings(max_examples=15)
@given(
    count=st.integers(1, 40),
    seed=st.integers(0, 10**6),
    places=st.lists(st.tuples(st.integers(0, 39), st.sampled_from(sorted(BAD))), max_size=20),
    size=st.sampled_from([1, 7, 1000]),
)
def test_every_row_is_scored_as_its_record_or_aside(
    scorers: dict[Family, Scorer],
    tmp_path_factory: pytest.TempPathFactory,
    extension: str,
    count: int,
    seed: int,
    places: list[tuple[int, str]],
    size: int,
) -> None:
    folder, scorer = tmp_path_factory.mktemp("score"), scorers["xgboost"]
    rows = spoiled(generate_records(count, seed, columns=COLUMNS), places)
    source = write(folder / f"in{extension}", rows)
    scoring = score(scorer, source, folder / f"out{extension}", chunk_rows=size, csv_block=2000 * size)
    scores = read(folder / f"out{extension}")
    invalid = read(scoring["aside"]) if scoring["aside"] else pd.DataFrame({"row": []})

    records = [{field: row[field] for field in FIELDS} for row in rows]
    good = [number for number, record in enumerate(records, start=1) if not read_record(record)[1]]
    assert scores["row"].tolist() == good
    assert invalid["row"].tolist() == sorted(set(range(1, count + 1)) - set(good))
    assert (scoring["scored"], scoring["invalid"], scoring["rows"]) == (len(good), count - len(good), count)
    if good:
        expected = scorer.probabilities([records[number - 1] for number in good])
        assert np.allclose(scores["probability_score"], expected, rtol=0, atol=LAST_BITS)
        assert np.array_equal(scores["prediction"], expected >= scorer.threshold)
        assert scores["encounter_id"].astype(int).tolist() == [rows[n - 1]["encounter_id"] for n in good]
        assert set(scores["model_version"].astype(str)) == {"3"}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("extension", [".csv", ".csv.gz", ".parquet"])
def test_the_size_of_a_chunk_changes_nothing(
    scorers: dict[Family, Scorer], tmp_path: Path, family: Family, extension: str
) -> None:
    rows = spoiled(generate_records(900, 4, columns=COLUMNS), [(n * 37, "age") for n in range(20)])
    source = write(tmp_path / "in.csv", rows)
    read_back = []
    for size in (3000, 17_000, 1 << 20):
        score(scorers[family], source, tmp_path / f"out{extension}", csv_block=size)
        read_back.append((read(tmp_path / f"out{extension}"), read(tmp_path / f"out.invalid{extension}")))
    for scores, invalid in read_back[1:]:
        pd.testing.assert_frame_equal(scores, read_back[0][0], rtol=0, atol=LAST_BITS)
        pd.testing.assert_frame_equal(invalid, read_back[0][1])


def test_the_real_file_is_scored_whole(scorers: dict[Family, Scorer], real_raw, tmp_path: Path) -> None:
    frame = real_raw.frame.head(20_000)
    frame.to_csv(tmp_path / "in.csv", index=False, na_rep="?")
    frame.to_parquet(tmp_path / "in.parquet", index=False)
    for source in ("in.csv", "in.parquet"):
        scoring = score(scorers["xgboost"], str(tmp_path / source), tmp_path / f"out-{source}")
        assert (scoring["scored"], scoring["invalid"]) == (20_000, 0)
    csv_scores, parquet_scores = read(tmp_path / "out-in.csv"), read(tmp_path / "out-in.parquet")
    difference = csv_scores["probability_score"] - parquet_scores["probability_score"]
    assert np.max(np.abs(difference)) <= LAST_BITS
    assert np.array_equal(parquet_scores["encounter_id"], frame["encounter_id"])


def test_the_aside_file_holds_the_row_and_can_be_corrected_and_scored(
    scorers: dict[Family, Scorer], tmp_path: Path
) -> None:
    rows = spoiled(generate_records(30, 1, columns=COLUMNS), [(4, "age"), (4, "diag_1"), (9, "num_medications")])
    source = write(tmp_path / "in.csv", rows)
    scoring = score(scorers["xgboost"], source, tmp_path / "out.csv")
    assert scoring["fields"] == {"age": 1, "diag_1": 1, "num_medications": 1}
    aside = read(scoring["aside"])
    assert aside["field"].tolist() == ["age; diag_1", "num_medications"]
    assert aside["problem"][1] == "num_medications must be a whole number from 0 to 200"
    assert aside["age"][0] == "[25-30)"
    corrected = aside.assign(age="[20-30)", diag_1="428", num_medications=9)
    corrected.to_csv(tmp_path / "corrected.csv", index=False)
    again = score(scorers["xgboost"], str(tmp_path / "corrected.csv"), tmp_path / "second.csv")
    assert (again["scored"], again["invalid"]) == (2, 0)
    assert read(tmp_path / "second.csv")["encounter_id"].tolist() == [5, 10]
    aside.to_csv(tmp_path / "uncorrected.csv", index=False)
    third = score(scorers["xgboost"], str(tmp_path / "uncorrected.csv"), tmp_path / "third.csv")
    columns = list(read(third["aside"]).columns)
    assert columns[-8:] == ["row", "field", "problem", "line", "new_row", "new_field", "new_problem", "new_line"]


def test_rows_of_another_length_are_kept_with_number_and_text(scorers: dict[Family, Scorer], tmp_path: Path) -> None:
    source = Path(write(tmp_path / "in.csv", generate_records(6, 1, columns=COLUMNS)))
    lines = source.read_text().splitlines()
    lines[3] += ",surplus"
    lines[5] = "short"
    source.write_text("\n".join(lines))
    for extension in (".csv", ".parquet"):
        scoring = score(scorers["xgboost"], str(source), tmp_path / f"out{extension}")
        assert scoring["fields"] == {"(row)": 2}
        aside = read(scoring["aside"])
        assert aside["row"].tolist() == [3, 5]
        assert aside["line"].tolist() == [lines[3], "short"]
        assert aside["problem"][1] == "the row has 1 fields, the header 50"
        assert read(tmp_path / f"out{extension}")["row"].tolist() == [1, 2, 4, 6]


@pytest.mark.parametrize("extension", [".csv", ".parquet"])
def test_other_columns_underscores_and_absent_optional_ones(
    scorers: dict[Family, Scorer], tmp_path: Path, extension: str
) -> None:
    rows = generate_records(20, 2, columns=COLUMNS)
    scorer = scorers["xgboost"]
    names = [name for name in FIELDS if name not in ("race", "weight")]
    renamed = [{name.replace("-", "_"): row[name] for name in names} | {"note": CANARY} for row in rows]
    source = write(tmp_path / f"in{extension}", renamed, [*renamed[0]])
    score(scorer, source, tmp_path / f"out{extension}")
    scores = read(tmp_path / f"out{extension}")
    assert list(scores.columns) == ["row", "prediction", "probability_score", "model_version"]
    expected = scorer.probabilities([{name: row[name] for name in names} for row in rows])
    assert np.allclose(scores["probability_score"], expected, rtol=0, atol=LAST_BITS)


@pytest.mark.parametrize("kind", ["float", "text", "category", "small"])
def test_a_data_frame_writes_its_columns_in_many_types(
    scorers: dict[Family, Scorer], tmp_path: Path, kind: str
) -> None:
    rows = generate_records(50, 3, columns=COLUMNS)
    frame = pd.DataFrame(rows)
    whole = [name for name in WHOLE_NUMBERS if name in FIELDS]
    texts = [name for name in FIELDS if name not in whole]
    changed = {
        "float": frame.astype(dict.fromkeys(whole, "float64")),
        "text": frame.astype(dict.fromkeys(whole, "str")),
        "category": frame.astype(dict.fromkeys(texts, "category")),
        "small": frame.astype(dict.fromkeys(whole, "int16")),
    }[kind]
    changed.to_parquet(tmp_path / "in.parquet")
    scoring = score(scorers["xgboost"], str(tmp_path / "in.parquet"), tmp_path / "out.parquet")
    assert scoring["invalid"] == 0
    expected = scorers["xgboost"].probabilities(rows)
    assert np.allclose(read(tmp_path / "out.parquet")["probability_score"], expected, rtol=0, atol=LAST_BITS)


UNUSUAL = {
    "string_view": pa.array(["x"] * 4, pa.string_view()),
    "large_string": pa.array(["x"] * 4, pa.large_string()),
    "dictionary": pa.array(["x"] * 4).dictionary_encode(),
    "float16": pa.array(np.ones(4, np.float16)),
    "binary": pa.array([b"x"] * 4),
    "binary_view": pa.array([b"x"] * 4, pa.binary_view()),
    "date": pa.array([date(2020, 1, 1)] * 4),
    "duration": pa.array([timedelta(1)] * 4),
    "decimal": pa.array([Decimal("1.5")] * 4),
    "boolean": pa.array([True] * 4),
    "null": pa.nulls(4),
    "struct": pa.array([{"a": 1}] * 4),
    "list": pa.array([[1]] * 4),
}


@pytest.mark.parametrize("kind", UNUSUAL)
@pytest.mark.parametrize("extension", [".csv", ".parquet"])
@pytest.mark.parametrize("column", ["note", "encounter_id", "age"])
def test_a_column_of_any_type_is_passed_over_copied_or_refused(
    scorers: dict[Family, Scorer], tmp_path: Path, kind: str, extension: str, column: str
) -> None:
    rows = pa.Table.from_pylist(spoiled(generate_records(4, 1, columns=COLUMNS), [(0, "age")]))
    table = (rows if column == "note" else rows.drop_columns([column])).append_column(column, UNUSUAL[kind])
    pq.write_table(table, tmp_path / "in.parquet")
    if column == "age" and kind in ("struct", "list"):
        with pytest.raises(InputError, match="column 'age' holds nested values"):
            score(scorers["xgboost"], str(tmp_path / "in.parquet"), tmp_path / f"out{extension}")
        return
    scoring = score(scorers["xgboost"], str(tmp_path / "in.parquet"), tmp_path / f"out{extension}")
    assert (scoring["scored"], scoring["invalid"]) == ((0, 4) if column == "age" else (3, 1))
    assert len(read(scoring["aside"])) == scoring["invalid"]
    if column == "encounter_id" and extension == ".parquet" and kind != "float16":
        copied = pq.read_table(tmp_path / "out.parquet")[column].to_pylist()
        assert copied == UNUSUAL[kind].to_pylist()[:3]


def test_no_rows_are_an_empty_table(scorers: dict[Family, Scorer], tmp_path: Path) -> None:
    for extension in (".csv", ".parquet"):
        source = write(tmp_path / f"in{extension}", [])
        scoring = score(scorers["xgboost"], source, tmp_path / f"out{extension}")
        assert (scoring["rows"], scoring["mean_score"], scoring["aside"]) == (0, None, None)
        assert len(read(tmp_path / f"out{extension}")) == 0


@pytest.mark.parametrize(("count", "told"), [(10, False), (11, True)])
def test_nothing_is_told_about_fewer_than_eleven(
    scorers: dict[Family, Scorer], tmp_path: Path, count: int, told: bool
) -> None:
    source = write(tmp_path / "in.csv", generate_records(count, 1, columns=COLUMNS))
    scoring = score(scorers["xgboost"], source, tmp_path / "out.csv")
    assert (scoring["mean_score"] is not None) is told
    assert (scoring["share_predicted"] is not None) is told
    if told:
        assert scoring["mean_score"] == pytest.approx(read(tmp_path / "out.csv")["probability_score"].mean())


@pytest.mark.parametrize("ending", [b",,\xff\n", b"\xff\n"])
def test_a_file_that_breaks_in_the_middle_leaves_nothing(
    scorers: dict[Family, Scorer], tmp_path: Path, capfd: pytest.CaptureFixture[str], ending: bytes
) -> None:
    source = Path(write(tmp_path / "in.csv", generate_records(500, 1, columns=COLUMNS)))
    with source.open("ab") as file:
        file.write(ending)
    with pytest.raises(InputError, match="not in UTF-8"):
        score(scorers["xgboost"], str(source), tmp_path / "out.csv", csv_block=4000)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
    assert capfd.readouterr().err == ""
