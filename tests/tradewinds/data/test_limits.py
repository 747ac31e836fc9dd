"""A file that memory or sense does not allow is refused before it is read, with its size and what to do."""

import gzip
import zipfile

import pandas as pd
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.data import load_series
from tradewinds.data.config import FileConfig, NoWeather
from tradewinds.data.readers import containers, limits

from story import write_bars

KIB = 1024.0
CURE = "cut it to fewer years or columns, make its bars longer, or use a machine with more memory"


@pytest.fixture
def poor(monkeypatch):
    """A machine with so many bytes of memory left."""

    def leave(free):
        monkeypatch.setattr(limits, "free_memory", lambda: free)

    return leave


@pytest.fixture
def unread(monkeypatch):
    """No file may be unpacked whole."""

    def refuse(*arguments, **options):
        raise AssertionError("it was read")

    monkeypatch.setattr(gzip, "decompress", refuse)
    monkeypatch.setattr(zipfile.ZipFile, "read", refuse)


def load(path):
    return load_series(FileConfig(kind="csv", path=str(path)), NoWeather()).series


def packed(tmp_path, kind):
    write_bars(tmp_path / "mine.csv", 1000)
    content = (tmp_path / "mine.csv").read_bytes()
    path = tmp_path / f"mine.csv.{kind}"
    if kind == "gz":
        path.write_bytes(gzip.compress(content))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mine.csv", content)
    return path, len(content)


def test_a_plain_file_too_large_for_the_memory_left_is_refused_with_both_numbers(tmp_path, poor, monkeypatch):
    write_bars(tmp_path / "mine.csv", 1000)
    size = (tmp_path / "mine.csv").stat().st_size
    assert len(load(tmp_path / "mine.csv").index) == 1000
    poor(10.0 * size)
    monkeypatch.setattr(containers.Path, "read_bytes", lambda path: pytest.fail("it was read"))
    words = rf"mine.csv holds {size / KIB**2:.1f} MiB unpacked; reading it takes about \S+ MiB of memory, and "
    with pytest.raises(RequestError, match=f"{words}{10 * size / KIB**2:.1f} MiB are free: {CURE}"):
        load(tmp_path / "mine.csv")


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_packed_file_is_refused_by_what_it_unpacks_to_before_it_is_unpacked(kind, tmp_path, poor, unread):
    path, size = packed(tmp_path, kind)
    poor(10.0 * size)
    with pytest.raises(
        RequestError, match=rf"mine.csv.{kind} holds {size / KIB**2:.1f} MiB unpacked; reading it takes"
    ):
        load(path)


def test_a_gzip_file_whose_last_bytes_tell_less_than_its_size_is_counted_first(tmp_path, poor):
    path, size = packed(tmp_path, "gz")
    path.write_bytes(path.read_bytes() + gzip.compress(b""))  # two streams: the last bytes are of the second
    assert len(load(path).index) == 1000
    poor(10.0 * size)
    with pytest.raises(RequestError, match=r"mine.csv.gz holds more than \S+ MiB unpacked"):
        load(path)


def test_a_folder_is_refused_by_the_sum_of_its_files(tmp_path, poor):
    (tmp_path / "months").mkdir()
    table = write_bars(tmp_path / "mine.csv", 600)
    for month in range(3):
        table.iloc[200 * month : 200 * (month + 1)].to_csv(tmp_path / "months" / f"{month}.csv")
    assert len(load(tmp_path / "months").index) == 600
    poor(2.0 * limits.NEEDED * (tmp_path / "months" / "0.csv").stat().st_size)
    with pytest.raises(RequestError, match=r"months holds \S+ MiB unpacked"):
        load(tmp_path / "months")


def test_a_parquet_file_of_few_bytes_and_many_rows_is_refused(tmp_path, poor):
    index = pd.date_range("2020-01-01", periods=200_000, freq="1min", tz="UTC", name="time")
    pd.DataFrame({"close": 5.0}, index=index).to_parquet(tmp_path / "mine.parquet")
    poor(limits.NEEDED * 2 * (tmp_path / "mine.parquet").stat().st_size)
    with pytest.raises(RequestError, match=r"mine.parquet holds 3.1 MiB unpacked"):
        load(tmp_path / "mine.parquet")


@pytest.mark.parametrize("line", [1, 3])
def test_a_line_too_long_for_a_table_is_refused_with_its_length(line, tmp_path):
    rows = ["time,close", *(f"2024-01-{day:02},5{day}" for day in range(1, 29))]
    rows[line - 1] = ",".join(["x"] * 600_000)
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    with pytest.raises(RequestError, match=rf"row {line}: 1,199,999 characters on one line, .* at most 1,000,000; "):
        load(tmp_path / "mine.csv")


def test_the_memory_that_is_free_is_known_and_the_stricter_limit_holds(monkeypatch):
    assert 2.0**20 < limits.free_memory() < 2.0**50
    known = {"/proc/meminfo": ["MemAvailable:    1000 kB"], "/sys/fs/cgroup/memory.max": ["500000"]}
    known["/sys/fs/cgroup/memory.current"] = ["100000"]
    monkeypatch.setattr(limits, "_lines", lambda path: known.get(path, []))
    assert limits.free_memory() == 400_000.0
    known["/sys/fs/cgroup/memory.max"] = ["max"]
    assert limits.free_memory() == 1_024_000.0
