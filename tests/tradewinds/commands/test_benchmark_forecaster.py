"""`tradewinds benchmark-forecaster`: a table a horizon, one artifact, and one line for a wrong request."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

FAST = (
    "benchmark.horizons=[6,12]",
    "benchmark.seeds=2",
    "benchmark.steps=10",
    "benchmark.batch_size=16",
    "benchmark.precision=float32",
    "benchmark.context_length=24",
    "benchmark.segment_length=6",
    "benchmark.hidden_size=8",
    "benchmark.processes=1",  # several find the same (test_protocol), and take longer to begin than all of this
)


def write_table(path, num_rows=600):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        rng.normal(size=(num_rows, 2)).cumsum(axis=0),
        columns=["load", "OT"],
        index=pd.date_range("2020-01-01", periods=num_rows, freq="h", name="date"),
    )
    table.to_csv(path)


def test_a_benchmark_prints_a_table_a_horizon_and_keeps_its_scores(tradewinds, tmp_path):
    write_table(tmp_path / "ETTh1.csv.gz")
    answer = tradewinds("benchmark-forecaster", "benchmark.path=ETTh1.csv.gz", *FAST)
    assert answer.status == 0, answer.err
    assert "horizon 6: 115 test windows of every column, none dropped; scaled values" in answer.out
    for word in (
        "seed 1",
        "seed 2",
        "mean of seeds",
        "spread of seeds",
        "ensemble",
        "repeat last",
        "CPU-s, peak memory",
    ):
        assert answer.out.count(f"  {word}") == 2 or answer.out.count(word) == 2
    assert "SegRNN" not in answer.out  # no paper has a horizon of 6 or 12
    (folder,) = tmp_path.glob("runs/ETTh1/*/benchmark")
    scores = json.loads((folder / "scores.json").read_text())
    assert list(scores) == ["6", "12"]
    assert set(scores["12"]["test"]) == {"seed_1", "seed_2", "ensemble", "repeat_last"}
    assert json.loads((folder / "manifest.json").read_text())["inputs"]["series"] == "ETTh1.csv.gz"


def test_json_is_one_line_and_the_papers_stand_beside_a_file_they_used(tradewinds, tmp_path):
    write_table(tmp_path / "ETTh1.csv", num_rows=1500)
    words = ("benchmark-forecaster", "benchmark.path=ETTh1.csv", *FAST, "benchmark.horizons=[96]", "benchmark.seeds=1")
    answer = tradewinds(*words)
    assert "papers (their lookbacks, their protocols, settings chosen per file):" in answer.out
    assert "0.351     0.392  lookback 720; lss-1138/SegRNN" in answer.out
    assert "spread of seeds" not in answer.out
    answer = tradewinds(*words, "--json")
    assert answer.out.count("\n") == 1
    assert json.loads(answer.out)["horizons"]["96"]["test_windows"] == 300 - 96 + 1


def test_a_header_that_is_not_utf_8_is_read(tradewinds, tmp_path):
    write_table(tmp_path / "made.csv")
    text = (tmp_path / "made.csv").read_bytes().replace(b"load", "µmol".encode("latin-1"))
    (tmp_path / "weather.csv.gz").write_bytes(gzip.compress(text))
    answer = tradewinds(
        "benchmark-forecaster",
        "benchmark.path=weather.csv.gz",
        *FAST,
        "benchmark.horizons=[6]",
    )
    assert answer.status == 0, answer.err


WRONG = [
    ((), "benchmark.path is required; give benchmark.path=FILE"),
    (("benchmark.path=god.csv",), "there is no file god.csv; did you mean 'good.csv'?"),
    (("benchmark.path=words.csv",), "words.csv, row 3, column OT: 'high' is not a number (1 of 2 rows)"),
    (("benchmark.path=gaps.csv",), "gaps.csv, row 2, column OT: 'nan' is not a number (1 of 2 rows)"),
    (("benchmark.path=empty.csv",), "empty.csv cannot be read as CSV"),
    (("benchmark.path=narrow.csv",), "narrow.csv must hold a time column, numeric columns and rows, held 1 columns"),
    (("benchmark.path=broken.csv.gz",), "broken.csv.gz is a damaged or truncated gzip file; copy it again"),
    (
        ("benchmark.path=good.csv", "benchmark.split=ett_hourly"),
        "good.csv: split ett_hourly needs 20 months, 14400 rows",
    ),
    (("benchmark.path=good.csv", "benchmark.horizons=[96]"), "hold no window of context_length 24 and horizon 96"),
    (("benchmark.path=good.csv", "benchmark.split=hourly"), "benchmark.split must be one of ett_hourly, ett_minute"),
    (("benchmark.path=good.csv", "benchmark.horizons=96"), "benchmark.horizons must be a list such as [a,b], was 96"),
    (
        ("benchmark.path=good.csv", "benchmark.horizons=[0]"),
        "whose every element is at least 1 row, was [0]",
    ),
    (("benchmark.path=good.csv", "benchmark.segment_length=7"), "benchmark.segment_length must divide context_length"),
    (
        ("benchmark.path=good.csv", "benchmark.minute=1"),
        "unknown key 'benchmark.minute'; did you mean 'benchmark.minutes'",
    ),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_a_wrong_benchmark_gets_one_clear_line_and_leaves_nothing_behind(words, message, tradewinds, tmp_path):
    write_table(tmp_path / "good.csv")
    (tmp_path / "words.csv").write_text("date,OT\n2020-01-01,1\n2020-01-02,high\n")
    (tmp_path / "gaps.csv").write_text("date,OT\n2020-01-01,\n2020-01-02,1\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "narrow.csv").write_text("OT\n1\n")
    (tmp_path / "broken.csv.gz").write_bytes(gzip.compress(b"date,OT\n" * 500)[:-20])
    before = sorted(path.name for path in tmp_path.rglob("*"))
    answer = tradewinds("benchmark-forecaster", *FAST, *words)
    assert answer.status == 2
    assert message in answer.err
    assert answer.err.startswith("tradewinds: ")
    assert answer.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
