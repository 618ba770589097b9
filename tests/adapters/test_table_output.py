"""Writing tables: both files appear whole, or nothing changes."""

import gzip
import resource
import signal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from adapters.table_output import aside_of, check_output, open_outputs
from health_predict.errors import InfrastructureError, InputError

SCORES = pa.table({"row": [1, 2], "probability_score": [0.1, 1 / 3]})
INVALID = pa.table({"age": ["x", None], "note": ['a "quoted" note', None], "row": [3, 4]})
FORMATS = (".csv", ".csv.gz", ".parquet")


def read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, float_precision="round_trip")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("extension", FORMATS)
def test_both_files_hold_what_was_written(tmp_path: Path, extension: str) -> None:
    uri = f"{tmp_path}/scores{extension}"
    with open_outputs(uri, SCORES.schema, INVALID.schema) as outputs:
        for _ in range(3):
            outputs.write(SCORES, INVALID)
    assert outputs.aside == f"{tmp_path}/scores.invalid{extension}"
    assert names(tmp_path) == sorted([f"scores{extension}", f"scores.invalid{extension}"])
    pd.testing.assert_frame_equal(read(Path(uri)), pd.concat([SCORES.to_pandas()] * 3, ignore_index=True))
    aside = read(Path(outputs.aside))
    assert aside["row"].tolist() == [3, 4] * 3
    assert aside["note"].tolist()[0] == 'a "quoted" note'


def test_a_missing_field_is_marked_in_csv_as_in_the_raw_file(tmp_path: Path) -> None:
    with open_outputs(f"{tmp_path}/scores.csv", SCORES.schema, INVALID.schema) as outputs:
        outputs.write(SCORES, INVALID)
    assert (tmp_path / "scores.invalid.csv").read_text().splitlines()[2] == '"?",,4'


def test_nested_and_binary_columns_of_the_user_become_json_in_csv(tmp_path: Path) -> None:
    table = pa.table({"visits": [[1, 2], None], "blob": [b"a", None], "row": [1, 2]})
    with open_outputs(f"{tmp_path}/scores.csv", SCORES.schema, table.schema) as outputs:
        outputs.write(SCORES[:0], table)
    assert pd.read_csv(tmp_path / "scores.invalid.csv")["visits"].tolist()[0] == "[1, 2]"


@pytest.mark.parametrize("extension", FORMATS)
def test_no_rows_are_a_table_with_columns_and_no_aside_file(tmp_path: Path, extension: str) -> None:
    uri = f"{tmp_path}/scores{extension}"
    with open_outputs(uri, SCORES.schema, INVALID.schema) as outputs:
        outputs.write(SCORES[:0], INVALID[:0])
    assert outputs.aside is None
    assert names(tmp_path) == [f"scores{extension}"]
    assert list(read(Path(uri)).columns) == SCORES.column_names
    assert len(read(Path(uri))) == 0


def test_new_scores_replace_old_ones_and_their_aside_file(tmp_path: Path) -> None:
    uri = f"{tmp_path}/scores.csv"
    for invalid in (INVALID, INVALID[:0]):
        with open_outputs(uri, SCORES.schema, INVALID.schema) as outputs:
            outputs.write(SCORES, invalid)
    assert names(tmp_path) == ["scores.csv"]


@pytest.mark.parametrize("extension", FORMATS)
def test_a_failure_leaves_what_was_there(tmp_path: Path, extension: str) -> None:
    old = tmp_path / f"scores{extension}"
    old.write_text("old")

    def fail() -> None:
        with open_outputs(str(old), SCORES.schema, INVALID.schema) as outputs:
            outputs.write(SCORES, INVALID)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == [old.name]
    assert old.read_text() == "old"


def test_columns_that_cannot_be_written_leave_nothing(tmp_path: Path) -> None:
    odd = pa.schema([("interval", pa.month_day_nano_interval())])
    with pytest.raises(pa.ArrowException), open_outputs(f"{tmp_path}/scores.parquet", odd, INVALID.schema):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize("extension", FORMATS)
def test_a_disk_that_takes_no_more_is_one_line_and_leaves_nothing(tmp_path: Path, extension: str) -> None:
    rows = pa.table({"row": range(20_000), "probability_score": [1 / (n + 1) for n in range(20_000)]})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with (
            pytest.raises(InfrastructureError, match=rf"scores{extension}: cannot be written \(File too large\)"),
            open_outputs(f"{tmp_path}/scores{extension}", rows.schema, INVALID.schema) as outputs,
        ):
            outputs.write(rows, INVALID)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert names(tmp_path) == []


def test_an_output_that_would_replace_the_input_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("x")
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "hard.csv").hardlink_to(source)
    for output in ("in.csv", "link.csv", "hard.csv", "sub/../in.csv"):
        (tmp_path / "sub").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="would be replaced by the output; give another --output"):
            check_output(f"{tmp_path}/{output}", str(source))
    with pytest.raises(InputError, match="would be replaced"):
        check_output(f"{tmp_path}/scores.csv", f"{tmp_path}/scores.invalid.csv")
    with pytest.raises(InputError, match="would be replaced"):
        check_output("s3://bucket/a.csv", "s3://bucket/a.csv")
    check_output(f"{tmp_path}/out.csv", str(source))


def test_an_output_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for output, words in {
        "absent/scores.csv": "there is no folder",
        "folder.csv": "cannot be written",
        "scores.xlsx": "give one of .csv, .csv.gz, .parquet",
    }.items():
        with pytest.raises(InputError) as refused:
            check_output(f"{tmp_path}/{output}", "in.csv")
        assert words in str(refused.value)
    with pytest.raises(InputError, match="write it as s3://bucket/key"):
        check_output("s3://scores.csv", "in.csv")


def test_where_the_invalid_rows_go() -> None:
    assert aside_of("s3://b/scores.csv.gz") == "s3://b/scores.invalid.csv.gz"
    assert aside_of("/a.b/scores.PARQUET") == "/a.b/scores.invalid.PARQUET"


def test_the_same_rows_are_the_same_bytes_in_gzip(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        with open_outputs(f"{tmp_path}/{name}", SCORES.schema, INVALID.schema) as outputs:
            outputs.write(SCORES, INVALID[:0])
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).startswith(b'"row","probability_score"\n1,0.1\n')
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
