import csv
import hashlib
import io
import random
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from health_predict.columns import NAMES, PATIENT
from health_predict.errors import InputError
from health_predict.reading import CSV_NAME, UCI_SHA256, csv_bytes, parse_csv, read_raw
from tests.strategies import csv_text, raw_frame

NOT_A_CSV = "not a readable CSV (UTF-8, comma separated, one header line)"
EMPTY = "the file is empty; download it again"
BROKEN_ZIP = "truncated or broken zip; download it again"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return raw_frame(60)


@pytest.fixture(scope="module")
def text(table) -> str:
    return csv_text(table)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def encrypted(archive: bytes) -> bytes:
    """Set the bit that says "encrypted" in the local and in the central header."""
    marked = bytearray(archive)
    marked[6] |= 1
    marked[marked.find(b"PK\x01\x02") + 8] |= 1
    return bytes(marked)


def complaint(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_raw(path)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def write(folder: Path, content: bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_the_real_file(real_raw, real_path) -> None:
    assert real_raw.provenance == "uci"
    assert real_raw.sha256 == UCI_SHA256
    assert real_raw.source == real_path.name
    assert real_raw.frame.shape == (101_766, 50)
    assert real_raw.frame[PATIENT].nunique() == 71_518
    assert (real_raw.frame["A1Cresult"] == "None").sum() == 84_748
    assert (real_raw.frame["max_glu_serum"] == "None").sum() == 96_420
    assert real_raw.frame["race"].isna().sum() == 2_273


def test_a_users_file_is_read_and_fingerprinted(tmp_path, table, text) -> None:
    raw = read_raw(write(tmp_path, text.encode()))
    pd.testing.assert_frame_equal(raw.frame, table)
    assert (raw.provenance, raw.source) == ("file", "data.csv")
    assert raw.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_the_fingerprint_of_a_zip_is_that_of_its_csv(tmp_path, text) -> None:
    raw = read_raw(write(tmp_path, zipped({f"dataset_diabetes/{CSV_NAME}": text.encode()}), "x.zip"))
    assert raw.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert raw.source == "x.zip"


def _byte_order_mark(text: str) -> bytes:
    return b"\xef\xbb\xbf" + text.encode()


def _windows(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def _excel(text: str) -> bytes:
    return _byte_order_mark(text.replace("\n", "\r\n"))


def _old_mac(text: str) -> bytes:
    return text.replace("\n", "\r").encode()


def _quoted(text: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(csv.reader(io.StringIO(text)))
    return _byte_order_mark(out.getvalue())


def _blank_lines(text: str) -> bytes:
    return text.replace("\n", "\n\n").encode()


def _no_final_line_break(text: str) -> bytes:
    return text.rstrip("\n").encode()


def _other_order(text: str) -> bytes:
    rows = [row[::-1] for row in csv.reader(io.StringIO(text))]
    return "\n".join(",".join(row) for row in rows).encode()


EXPORTS = [_byte_order_mark, _windows, _excel, _old_mac, _quoted, _blank_lines, _no_final_line_break, _other_order]


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.__name__.strip("_"))
def test_what_other_programs_write_is_read_the_same(tmp_path, table, text, export) -> None:
    pd.testing.assert_frame_equal(read_raw(write(tmp_path, export(text))).frame, table)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["data.zip", "data.ZIP", "data.csv", "data"])
def test_a_zip_is_known_by_its_content(tmp_path, table, text, method: int, name: str) -> None:
    content = zipped({"__MACOSX/._" + CSV_NAME: b"x", CSV_NAME: text.encode()}, method)
    pd.testing.assert_frame_equal(read_raw(write(tmp_path, content, name)).frame, table)


def test_the_question_mark_alone_is_missing() -> None:
    parsed = parse_csv(b"a,b,c,d,e\n?,None,NA,nan,\n", "x")
    assert parsed.isna().to_numpy().tolist() == [[True, False, False, False, False]]
    assert parsed.iloc[0, 1:].tolist() == ["None", "NA", "nan", ""]


def test_numbers_stay_text_until_they_are_checked() -> None:
    assert parse_csv(b"a,b\n007,250.00\n", "x").iloc[0].tolist() == ["007", "250.00"]


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + random.Random(0).randbytes(3000),
        "a,b\n1,2\n".encode("utf-16"),
        "a,b\nGarc\u00eda,2\n".encode("latin-1"),
        b'a,b\n"1,2\n3,4\n',
        b"\xef\xbb\xbf",
        b"\xff\xff",
    ],
    ids=["png", "utf-16", "latin-1", "open quote", "byte order mark alone", "bytes"],
)
def test_not_a_csv(tmp_path, content: bytes) -> None:
    assert complaint(write(tmp_path, content)) == f"data.csv: {NOT_A_CSV}"


def test_a_row_with_more_fields_than_the_header_is_named_by_its_line(tmp_path, text) -> None:
    lines = text.splitlines()
    lines[4] += ",CANARY-7731"
    message = complaint(write(tmp_path, "\n".join(lines).encode()))
    assert message == "data.csv: not a readable CSV in line 5 (UTF-8, comma separated, one header line)"


@pytest.mark.parametrize("rows", [slice(1, 2), slice(1, None)], ids=["the first", "all"])
def test_rows_that_all_have_more_fields_are_not_shifted(tmp_path, text, rows: slice) -> None:
    lines = text.splitlines()
    lines[rows] = [f"{line},CANARY-7731" for line in lines[rows]]
    message = complaint(write(tmp_path, "\n".join(lines).encode()))
    assert message == "data.csv: 60 rows with more fields than the header; export the file again"


def test_a_row_with_fewer_fields(tmp_path, text) -> None:
    lines = text.splitlines()
    lines[4] = ",".join(lines[4].split(",")[:12])
    message = complaint(write(tmp_path, "\n".join(lines).encode()))
    assert message == "data.csv: column 'num_lab_procedures': 1 row with no whole number; correct them"


def test_a_file_cut_in_its_last_row(tmp_path, text) -> None:
    assert complaint(write(tmp_path, text.encode()[:-60])).startswith("data.csv: column '")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator(tmp_path, text, separator: str) -> None:
    message = complaint(write(tmp_path, text.replace(",", separator).encode()))
    assert message == (
        "data.csv: not the diabetes file: 49 of 50 columns are missing; give UCI data set 296, comma separated"
    )


def test_no_header_line(tmp_path, text) -> None:
    """The first row of values is taken for names, and none of them is quoted."""
    assert complaint(write(tmp_path, text.split("\n", 1)[1].encode())) == (
        "data.csv: not the diabetes file: 49 of 50 columns are missing; give UCI data set 296, comma separated"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b" \n\t\n"])
def test_an_empty_file(tmp_path, content: bytes) -> None:
    path = write(tmp_path, content)
    assert complaint(path) == f"{path}: {EMPTY}"


def test_a_header_alone(tmp_path) -> None:
    message = complaint(write(tmp_path, ",".join(NAMES).encode()))
    assert message == "data.csv: a header but no rows; give a file with encounters"


def test_a_csv_that_breaks_the_declaration_names_file_column_and_rows(tmp_path, table) -> None:
    path = write(tmp_path, csv_text(table.assign(race="CANARY-7731")).encode())
    message = complaint(path)
    assert message == "data.csv: column 'race': 60 rows with values outside the 5 declared categories; correct them"


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_a_truncated_zip(tmp_path, text, kept: float) -> None:
    content = zipped({CSV_NAME: text.encode()})
    assert complaint(write(tmp_path, content[: int(len(content) * kept)], "x.zip")) == f"x.zip: {BROKEN_ZIP}"


def test_something_else_called_zip(tmp_path, text) -> None:
    assert complaint(write(tmp_path, text.encode(), "x.zip")) == f"x.zip: {BROKEN_ZIP}"


@pytest.mark.parametrize("members", [{}, {"IDs_mapping.csv": b"a,b"}], ids=["nothing", "another file"])
def test_a_zip_without_the_csv(tmp_path, members: dict[str, bytes]) -> None:
    message = complaint(write(tmp_path, zipped(members), "x.zip"))
    assert message == f"x.zip: the zip holds no {CSV_NAME}; give the archive of UCI data set 296"


def test_a_zip_with_an_empty_csv(tmp_path) -> None:
    path = write(tmp_path, zipped({CSV_NAME: b""}), "x.zip")
    assert complaint(path) == f"{path}: {EMPTY}"


def test_an_encrypted_zip(tmp_path, text) -> None:
    content = encrypted(zipped({CSV_NAME: text.encode()}))
    message = complaint(write(tmp_path, content, "x.zip"))
    assert message == "x.zip: the zip is encrypted; give it without a password"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_is_read_right_or_refused(tmp_path, text, method: int) -> None:
    """Whatever byte was changed on the way."""
    good, rng = zipped({CSV_NAME: text.encode()}, method), random.Random(0)
    path = tmp_path / "x.zip"
    for _ in range(150):
        damaged = bytearray(good)
        end = rng.choice((60, len(good)))
        damaged[rng.randrange(2, end)] = rng.randrange(256)
        damaged[rng.randrange(len(good) - 120, len(good))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            assert csv_bytes(path) == text.encode()
        except InputError as error:
            assert str(error).startswith("x.zip: ")


def test_a_path_that_is_not_there(tmp_path) -> None:
    path = tmp_path / "nowhere.csv"
    assert complaint(path) == f"{path}: no such file; give --data a CSV, the UCI zip or s3://bucket/key"


def test_a_folder(tmp_path) -> None:
    assert complaint(tmp_path) == f"{tmp_path}: cannot be read (Is a directory); check its path and permissions"


def test_a_path_through_a_file(tmp_path) -> None:
    path = write(tmp_path, b"x") / "data.csv"
    assert complaint(path) == f"{path}: cannot be read (Not a directory); check its path and permissions"


def test_a_file_that_may_not_be_read(tmp_path, text, monkeypatch) -> None:
    """Root reads everything, so the refusal of the system is played."""

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    path = tmp_path / "data.csv"
    assert complaint(path) == f"{path}: cannot be read (Permission denied); check its path and permissions"
