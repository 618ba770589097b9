"""A user's file comes in as text, whatever it is written in and wherever it lies."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adapters.encounter_files import read_encounters
from health_predict.columns import WHOLE_NUMBERS
from health_predict.errors import InfrastructureError, InputError
from health_predict.reading import CSV_NAME
from health_predict.schema import validate
from tests.adapters.s3_bucket import no_object_storage, s3
from tests.strategies import csv_text, raw_frame

__all__ = ["s3"]

CANARY = "CANARY-31415"
FRAME = raw_frame(30, seed=3)


def parquet(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    return content.getvalue()


def zipped(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, csv_text(FRAME))
    return content.getvalue()


FILES = {
    "plain.csv": csv_text(FRAME).encode(),
    "uci.zip": zipped(f"dataset/{CSV_NAME}"),
    "typed.parquet": parquet(FRAME),
    "text.parquet": parquet(FRAME.astype(object).where(FRAME.notna(), "?").astype(str)),
    "coded.parquet": parquet(FRAME.astype({"race": "category", "payer_code": "category"})),
    "floats.parquet": parquet(FRAME.astype(dict.fromkeys(WHOLE_NUMBERS, "float64"))),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_encounters(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    read = validate(read_encounters(str(path)).strings, name)
    pd.testing.assert_frame_equal(read, FRAME.astype({"race": object, "payer_code": object}))


def test_a_zip_has_the_fingerprint_of_its_csv(tmp_path: Path) -> None:
    for name in ("plain.csv", "uci.zip"):
        (tmp_path / name).write_bytes(FILES[name])
    one, other = (read_encounters(str(tmp_path / name)) for name in ("plain.csv", "uci.zip"))
    assert one.sha256 == other.sha256


def test_a_column_of_nulls_is_missing(tmp_path: Path) -> None:
    (tmp_path / "f.parquet").write_bytes(parquet(FRAME.assign(payer_code=None, weight=np.nan)))
    strings = read_encounters(str(tmp_path / "f.parquet")).strings
    assert strings[["payer_code", "weight"]].isna().all().all()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("f.csv", b"", "the file is empty"),
        ("f.csv", csv_text(FRAME.iloc[:0]).encode(), "a header but no rows"),
        ("f.csv", b"a,b\n1\xff,2\n", "not a readable CSV"),
        ("f.zip", FILES["uci.zip"][:200], "truncated or broken zip"),
        ("f.zip", zipped("other.csv"), f"the zip holds no {CSV_NAME}"),
        ("f.parquet", FILES["typed.parquet"][:-100], "truncated, or not a readable Parquet file"),
        ("f.parquet", b"PAR1", "truncated, or not a readable Parquet file"),
        ("f.parquet", parquet(FRAME.iloc[:0]), "columns but no rows"),
        ("f.parquet", parquet(FRAME.assign(race=[[CANARY]] * 30)), "column 'race' holds neither text nor numbers"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_encounters(str(tmp_path / name))
    assert name in str(refused.value)
    assert words in str(refused.value)
    assert CANARY not in str(refused.value)


def test_from_object_storage(s3) -> None:
    s3.put_object(Bucket="hospital", Key="in.parquet", Body=FILES["typed.parquet"])
    read = read_encounters("s3://hospital/in.parquet")
    pd.testing.assert_frame_equal(validate(read.strings, "f"), FRAME)
    with pytest.raises(InputError, match=r"s3://hospital/none\.csv: no such object"):
        read_encounters("s3://hospital/none.csv")


def test_object_storage_that_does_not_answer_is_infrastructure(monkeypatch: pytest.MonkeyPatch) -> None:
    no_object_storage(monkeypatch)
    with pytest.raises(InfrastructureError, match=r"s3://hospital/in\.csv: object storage refused or unreachable"):
        read_encounters("s3://hospital/in.csv")
