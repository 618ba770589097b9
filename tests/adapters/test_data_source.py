import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from adapters import data_source
from adapters.data_source import SYNTHETIC, VARIABLE, DataSource, locate, open_source
from health_predict.errors import InputError
from health_predict.reading import CSV_NAME, csv_bytes

NOWHERE = "http://127.0.0.1:9/nothing.zip"


@pytest.fixture
def served(tmp_path):
    """A folder behind a real HTTP server on loopback, with the answers counted."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_order_option_variable_cache(tmp_path) -> None:
    (tmp_path / CSV_NAME).write_text("x")
    environment = {VARIABLE: "/data/from_variable.csv"}
    assert locate("/data/mine.csv", environment, tmp_path, NOWHERE) == DataSource("/data/mine.csv", "--data")
    assert locate(None, environment, tmp_path, NOWHERE) == DataSource("/data/from_variable.csv", VARIABLE)
    assert locate(None, {}, tmp_path, NOWHERE) == DataSource(str(tmp_path / CSV_NAME), "the cache")


def test_without_file_and_network_it_is_the_synthetic_sample_and_nothing_is_kept(tmp_path) -> None:
    assert locate(None, {}, tmp_path / "cache", NOWHERE).uri == SYNTHETIC
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_relative_path_is_made_absolute_and_s3_is_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate("mine.csv", {}, tmp_path).uri == str(tmp_path / "mine.csv")
    assert locate("s3://bucket/key.csv", {}, tmp_path).uri == "s3://bucket/key.csv"


def test_a_download_is_kept_only_if_it_is_the_published_file(served, tmp_path) -> None:
    folder, address = served
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        archive.writestr(CSV_NAME, "encounter_id\n1\n")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 cut")
    for name in ("other.zip", "broken.zip", "absent.zip"):
        assert locate(None, {}, tmp_path / "cache", f"{address}/{name}").uri == SYNTHETIC
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_published_archive_is_downloaded_once(served, tmp_path, real_path: Path) -> None:
    folder, address = served
    (folder / "uci.zip").write_bytes(real_path.read_bytes())
    found = locate(None, {}, tmp_path / "cache", f"{address}/uci.zip")
    assert Path(found.uri).read_bytes() == csv_bytes(real_path)
    assert locate(None, {}, tmp_path / "cache", NOWHERE) == DataSource(found.uri, "the cache")


def test_the_synthetic_source_says_so(monkeypatch) -> None:
    monkeypatch.setattr(data_source, "SYNTHETIC_ROWS", 500)
    raw = open_source(SYNTHETIC)
    assert (raw.provenance, len(raw.frame)) == ("synthetic", 500)


def test_a_malformed_s3_address_is_bad_input() -> None:
    with pytest.raises(InputError, match=r"s3://bucket: write it as s3://bucket/key"):
        open_source("s3://bucket")
