"""Reading tables: every row has its number, and whatever is wrong with a file is one line that names it."""

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.table_files import Chunk, format_of, open_table
from health_predict.errors import InputError

CANARY = "CANARY-31415"


def chunks(path: Path, **sizes: int) -> list[Chunk]:
    with open_table(str(path), **sizes) as table:
        return list(table.chunks())


def numbered(read: list[Chunk]) -> dict[int, list[str] | str]:
    """Row number to its cells, or to its line if it has no columns."""
    rows: dict[int, list[str] | str] = {}
    for chunk in read:
        cells = [list(row.values()) for row in chunk.table.to_pylist()]
        found = [*zip(chunk.rows.tolist(), cells, strict=True), *((row.row, row.line) for row in chunk.unreadable)]
        assert not rows.keys() & {number for number, _ in found}
        rows |= dict(found)
    return rows


@given(st.lists(st.sampled_from(["1,a", "2,?", '3,"x,y"', "", "1", "1,2,3", "lonely", "9,None"]), max_size=60))
def test_every_row_of_a_csv_keeps_its_number(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("csv") / "file.csv"
    path.write_text("\n".join(["n,age", *lines]))
    rows = [line for line in lines if line]  # a blank line is no row
    expected = {
        number: line if line.replace('"x,y"', "").count(",") != 1 else line.replace('"', "").split(",", 1)
        for number, line in enumerate(rows, start=1)
    }
    for block in (16, 64, 1 << 20):
        assert numbered(chunks(path, csv_block=block)) == expected


def test_an_unreadable_row_says_why(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("n,age\n1,a\n1,2,3\n2,b\n")
    (chunk,) = chunks(path)
    (row,) = chunk.unreadable
    assert (row.row, row.line, row.problem) == (2, "1,2,3", "the row has 3 fields, the header 2")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_endings_byte_order_mark_and_quoted_newlines(tmp_path: Path, ending: str, mark: bytes) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(mark + ending.join(["n,age", '1,"a', 'b"', "2,c"]).encode())
    with open_table(str(path)) as table:
        assert table.schema.names == ["n", "age"]
        assert numbered(list(table.chunks())) == {1: ["1", f"a{ending}b"], 2: ["2", "c"]}


@pytest.mark.parametrize("text", ["n,age", "n,age\n", "n,age\n\n"])
def test_a_header_alone_is_a_table_without_rows(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(text)
    assert numbered(chunks(path)) == {}


def test_gzip_is_read_as_the_csv_in_it(tmp_path: Path) -> None:
    text = "n,age\n" + "1,a\n2,b\n" * 5000
    (tmp_path / "file.csv").write_text(text)
    (tmp_path / "file.csv.gz").write_bytes(gzip.compress(text.encode()))
    plain, packed = (numbered(chunks(tmp_path / name, csv_block=5000)) for name in ("file.csv", "file.csv.gz"))
    assert plain == packed
    assert len(plain) == 10_000


def test_parquet_is_read_in_chunks_over_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "file.PARQUET"
    pq.write_table(pa.table({"n": range(100), "age": ["a", None] * 50}), path, row_group_size=33)
    read = chunks(path, chunk_rows=7)
    assert max(chunk.table.num_rows for chunk in read) <= 7
    assert numbered(read) == {n + 1: [n, None if n % 2 else "a"] for n in range(100)}


def test_the_share_read_rises_to_one(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": range(20_000)})
    frame.to_csv(tmp_path / "file.csv", index=False)
    frame.to_parquet(tmp_path / "file.parquet")
    for name in ("file.csv", "file.parquet"):
        with open_table(str(tmp_path / name), chunk_rows=1000, csv_block=4096) as table:
            shares = [table.share_read() for _ in table.chunks()]
        assert shares == sorted(shares)
        assert 0 < shares[0] < 1
        assert shares[-1] == 1


def test_the_extension_says_the_format() -> None:
    assert [format_of(uri) for uri in ("a.csv", "s3://b/A.CSV.GZ", "/x/y.parquet")] == [".csv", ".csv.gz", ".parquet"]
    for uri in ("a.xlsx", "a", "/x/.csv", "data.zip", "s3://bucket/"):
        with pytest.raises(InputError, match=r"give one of \.csv, \.csv\.gz, \.parquet"):
            format_of(uri)


BROKEN = {
    "empty.csv": (b"", "the file is empty"),
    "blank.csv": (b"\n\n\n", "the file is empty"),
    "latin.csv": (f"n,age\n1,{CANARY}é\n".encode("latin-1"), "not in UTF-8"),
    "wide.csv": (f"n,age\n1,{CANARY}\n".encode("utf-16"), "not in UTF-8"),
    "quote.csv": (b'n,age\n1,"' + CANARY.encode() + b"\n" + b"2,b\n" * 1_600_000, "a quote that is never closed"),
    "cut.csv.gz": (gzip.compress(bytes(range(256)) * 100)[:-20], "truncated or not gzipped"),
    "plain.csv.gz": (b"n,age\n1,a\n", "truncated or not gzipped"),
    "empty.parquet": (b"", "not a readable Parquet file"),
    "text.parquet": (b"n,age\n1,a\n", "not a readable Parquet file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_line(tmp_path: Path, name: str) -> None:
    content, words = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as refused:
        chunks(tmp_path / name)
    assert words in str(refused.value)
    assert name in str(refused.value)
    assert CANARY not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_parquet_file_cut_or_damaged_anywhere_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    pq.write_table(pa.table({"n": range(20_000), "age": [f"{n}" for n in range(20_000)]}), path)
    whole = path.read_bytes()
    broken = tmp_path / "broken.parquet"
    damaged = whole[:5000] + bytes(2000) + whole[7000:]
    for content in (whole[: len(whole) // 2], whole[:-1], damaged):
        broken.write_bytes(content)
        with pytest.raises(InputError, match=r"broken\.parquet: truncated, or not a readable Parquet file"):
            chunks(broken)


def test_a_path_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        chunks(tmp_path / "absent.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        chunks(tmp_path / "folder.csv")
