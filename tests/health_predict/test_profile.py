"""The committed profile keeps its promises, and building one prunes what rests on few patients."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_predict.columns import BY_NAME, PATIENT
from health_predict.errors import InputError
from health_predict.profile import build_profile, main
from health_predict.reading import RawData
from health_predict.synthesis.margins import COMMITTED, PERIODS, SMALLEST_CELL, load_profile, protect, to_bytes
from health_predict.synthetic import sample_encounters, sample_from
from tests.strategies import csv_text

ROWS = 1500


def raw(frame: pd.DataFrame) -> RawData:
    return RawData(frame, "0" * 64, "file", "small.csv")


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    return sample_encounters(ROWS, seed=5)


def planted(frame: pd.DataFrame, code: str, *, rows: int, patients: int) -> pd.DataFrame:
    """Put a diagnosis that occurs nowhere else on `rows` encounters of `patients` patients."""
    copy = frame.copy()
    copy.loc[: rows - 1, "diag_1"] = code
    copy.loc[: rows - 1, PATIENT] = 1 + np.arange(rows) % patients
    return copy


def test_the_committed_profile_is_small_and_attributed():
    assert COMMITTED.stat().st_size <= 200_000
    header = load_profile().header
    assert "data set 296" in header["attribution"]
    assert "Diabetes 130-US Hospitals for Years 1999-2008" in header["attribution"]
    assert "10.24432/C5230J" in header["attribution"]
    for author in ("Clore", "Cios", "DeShazo", "Strack"):
        assert author in header["attribution"]
    assert header["licence"].startswith("CC BY 4.0")
    assert header["command"].startswith("python -m health_predict.profile --data")
    assert header["smallest_cell"] == 11


def test_no_committed_count_is_under_11_rows():
    content = json.loads(gzip.decompress(COMMITTED.read_bytes()))
    assert set(content) == {"header", "axes", "group", "tree", "margins"}  # counts stand nowhere else
    rows = np.concatenate([cells["rows"] for cells in content["margins"].values()])
    assert len(rows) > 10_000
    assert rows.min() >= 11
    assert (rows % 11 == 0).all()


def test_every_committed_level_has_its_own_count():
    profile = load_profile()
    for axis in {*BY_NAME, *profile.group} & set(profile.axes):
        assert (profile.margin(axis) >= 11).all(), axis


def test_the_committed_profile_is_what_the_command_builds(real_raw):
    if real_raw.provenance != "uci":
        pytest.skip("the file given is not the one that UCI publishes")
    rebuilt = gzip.decompress(to_bytes(build_profile(real_raw)))
    assert rebuilt == gzip.decompress(COMMITTED.read_bytes())


def test_the_same_rows_in_any_order_give_the_same_bytes(small):
    shuffled = small.sample(frac=1.0, random_state=0)
    assert to_bytes(build_profile(raw(small))) == to_bytes(build_profile(raw(shuffled)))


@pytest.mark.parametrize(("rows", "patients", "kept"), [(10, 10, False), (40, 10, False), (11, 11, True)])
def test_a_value_of_under_11_patients_is_nowhere_in_the_file(small, rows, patients, kept):
    built = to_bytes(build_profile(raw(planted(small, "123.45", rows=rows, patients=patients))))
    assert (b"123.45" in gzip.decompress(built)) is kept


def test_small_cells_are_pruned_and_the_others_rounded(small):
    profile = build_profile(raw(small))
    period = pd.Series(np.arange(ROWS) * PERIODS // ROWS, index=small.index)
    cells = small.groupby([period, "age"])
    for (tenth, age), patients in cells[PATIENT].nunique().items():
        if age in profile.axes["age"]:
            shown = profile.margin("period", "age")[tenth, profile.axes["age"].index(age)]
            rows = len(cells.get_group((tenth, age)))
            assert (shown == 0) == (patients < SMALLEST_CELL)
            assert shown == 0 or abs(shown - rows) <= SMALLEST_CELL // 2
    counts = profile.margin("period", "age")
    assert (counts == 0).any() and (counts > 0).any()


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_protect_hides_few_patients_and_shows_multiples(rows, patients):
    shown = protect(np.array([rows]), np.array([min(patients, rows)]))[0]
    assert shown % SMALLEST_CELL == 0
    assert (shown == 0) == (min(patients, rows) < SMALLEST_CELL)
    assert shown == 0 or abs(shown - rows) <= SMALLEST_CELL // 2


def test_a_profile_read_back_draws_the_same_sample(small, tmp_path):
    built = build_profile(raw(small))
    path = tmp_path / "profile.json.gz"
    path.write_bytes(to_bytes(built))
    pd.testing.assert_frame_equal(sample_from(load_profile(path), 200, 3), sample_from(built, 200, 3))


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_a_damaged_profile_is_one_clear_line(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("damaged") / "profile.json.gz"
    path.write_bytes(COMMITTED.read_bytes()[:cut])
    with pytest.raises(InputError, match="no readable profile; rebuild it") as failure:
        load_profile(path)
    assert "\n" not in str(failure.value)


def test_the_command_writes_the_profile(small, tmp_path):
    data, output = tmp_path / "data.csv", tmp_path / "profile.json.gz"
    data.write_text(csv_text(small))
    assert main(["--data", str(data), "--output", str(output)]) == 0
    assert load_profile(output).margins.keys() == build_profile(raw(small)).margins.keys()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda frame: frame.head(999), "needs 1,000 encounters"),
        (lambda frame: frame.drop(columns="readmitted"), "column 'readmitted' is missing"),
        (lambda frame: frame.assign(diag_1=[f"{n // 5}.{n % 5}" for n in range(len(frame))]), "column 'diag_1' has no"),
    ],
)
def test_unfit_data_is_one_line_and_exit_code_2(small, tmp_path, capsys, broken, message):
    data, output = tmp_path / "data.csv", tmp_path / "profile.json.gz"
    data.write_text(csv_text(broken(small)))
    assert main(["--data", str(data), "--output", str(output)]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert not output.exists()


def test_an_output_that_cannot_be_written_is_exit_code_2(small, tmp_path, capsys):
    data = tmp_path / "data.csv"
    data.write_text(csv_text(small))
    assert main(["--data", str(data), "--output", str(tmp_path / "absent" / "profile.json.gz")]) == 2
    assert "cannot be written" in capsys.readouterr().err
