"""Texts and pictures of the user's: each at the first bar that closes when it is known, and refused in one sentence."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tradewinds
from tradewinds.core.errors import RequestError
from tradewinds.data import load_series
from tradewinds.data.assemble.events import pooled
from tradewinds.data.assemble.loaded import LoadedColumns, LoadedSeries, Parts
from tradewinds.data.config import FileConfig, NoWeather
from tradewinds.data.providers.moments import moments_of, told_apart
from tradewinds.data.providers.pictures import _stamp, load_pictures, read_picture
from tradewinds.data.providers.texts import hashed, load_texts
from tradewinds.data.readers.origin import Origin
from tradewinds.data.senses_config import FileText, NoPictures, NoText, PictureFolder
from tradewinds.leakcheck.second_members import second_members
from tradewinds.leakcheck.second_reading import second_names, second_times
from tradewinds.leakcheck.stamps import false_moments

DAYS = pd.date_range("2024-01-01", periods=12, freq="1D", tz="UTC")
HOUR = pd.Timedelta(hours=1)
NEWS = """time,text,published_at
2024-01-02T08:00:00Z,profits rise,2024-01-02T09:00:00Z
2024-01-02T10:00:00Z,losses mount,2024-01-03T01:00:00Z
2024-01-03T10:00:00Z,profits rise again,2024-01-03T11:00:00Z
2024-01-05T12:00:00+02:00,nothing,2024-01-05T12:30:00+02:00
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    close = 100.0 + np.arange(12) % 3
    pd.DataFrame({"close": close}, index=DAYS.tz_localize(None).rename("date")).to_csv("bars.csv")
    (tmp_path / "news.csv").write_text(NEWS)
    (tmp_path / "words.csv").write_text("word,score\nrise,1\nloss,-1\nlosses,-1\nprofits,0.5\n")
    return tmp_path


def loaded(text=None, pictures=None):
    series = FileConfig(kind="csv", path="bars.csv", calendar="24/7")
    return load_series(series, NoWeather(), senses={"text": text or NoText(), "pictures": pictures or NoPictures()})


def news(**settings):
    return FileText(**{"kind": "csv", "path": "news.csv", "encoder": "lexicon", "lexicon": "words.csv"} | settings)


def event_columns(known, pool, values=None):
    """N rows of which each is known at a moment."""
    index = told_apart(pd.DatetimeIndex(known))
    values = np.arange(1.0, len(index) + 1.0) if values is None else values
    table = pd.DataFrame(values.reshape(len(index), -1), index=index).add_prefix("x")
    table["x_count"] = 1.0
    moments = dict.fromkeys(table.columns, index)
    return LoadedColumns(table, moments, Origin.counted("made", len(index)), pool=pool)


def test_a_text_belongs_to_the_first_bar_that_closes_when_it_was_published(folder):
    series = loaded(news()).series
    column = series.exogenous
    assert column["text_count"].tolist() == [0, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert column["text_score"].iloc[1] == pytest.approx(0.75)  # profits 0.5 and rise 1
    assert column["text_score"].iloc[2] == pytest.approx((-1.0 + 0.75) / 2.0)  # of the day before, published at night
    assert column["text_score"].iloc[4] == 0.0  # there is a text, and no word of it has a score
    assert column["text_score"].isna().tolist() == (column["text_count"] == 0).tolist()
    assert series.missing == ("text_score",)
    assert (series.lags["text_score"], series.senses) == (pd.Timedelta(minutes=30), ())


def undated():
    """The same texts, of which the file does not say when they were published."""
    return "".join(line.rsplit(",", 1)[0] + "\n" for line in NEWS.splitlines())


def rewritten(folder, content, **settings):
    """The notes, and how many texts each bar has, of other texts."""
    (folder / "news.csv").write_text(content)
    found = loaded(news(**settings))
    return " ".join(map(str, found.notes)), found.series.exogenous["text_count"].astype(int).tolist()


def test_by_its_date_a_text_would_be_known_too_early(folder):
    (folder / "news.csv").write_text(undated())
    counts = loaded(news(lag_hours=0.0)).series.exogenous["text_count"]
    assert counts.tolist() == [0, 2, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert loaded(news(lag_hours=24.0)).series.exogenous["text_count"].tolist() == [0, 0, 2, 1, 0, 1, 0, 0, 0, 0, 0, 0]


def test_a_file_that_says_when_it_was_published_is_not_overruled(folder):
    for lag in (0.0, 24.0):
        with pytest.raises(RequestError, match=r"says itself .* in column published_at, .* leave text.lag_hours out"):
            loaded(news(lag_hours=lag))
    two = NEWS.replace("published_at", "published_at,Known_At").replace("Z\n", "Z,2024-01-04T01:00:00Z\n")
    (folder / "news.csv").write_text(two.replace("12:30:00+02:00", "12:30:00+02:00,2024-01-06T01:00:00Z"))
    with pytest.raises(RequestError, match=r"several columns .*, published_at, Known_At; name one"):
        loaded(news())
    found = loaded(news(available_column="Known_At"))
    assert found.series.exogenous["text_count"].tolist() == [0, 0, 0, 3, 0, 1, 0, 0, 0, 0, 0, 0]
    assert "each by when it was known, by column Known_At; the other bars" in found.notes[-1]


def test_a_column_that_is_passed_over_and_lies_later_is_doubted(folder):
    (folder / "news.csv").write_text(NEWS.replace("2024-01-05T12:30:00+02:00", "soon"))
    doubts = [note for note in loaded(news(available_column="time")).notes if getattr(note, "about", "") == "doubt"]
    assert doubts == [
        "news.csv: published_at lies later than time in 3 of 4 rows, and texts count as known by time; if they were "
        "published by published_at, results look ahead: give text.available_column=published_at"
    ]
    (folder / "news.csv").write_text(NEWS)
    notes = loaded(news(available_column="published_at")).notes
    assert not [note for note in notes if getattr(note, "about", "") == "doubt"]


def test_a_date_without_an_hour_is_published_when_its_day_ends(folder):
    dated = "time,text,published_at\n2024-01-02T08:00:00Z,profits rise,2024-01-02\n"
    told, counts = rewritten(folder, dated, time_zone="Europe/Berlin")  # 23:00 UTC
    assert counts[1] == 1
    assert "published_at of news.csv: 1 time names no hour, so it counts as the end of" in told
    assert rewritten(folder, dated, time_zone="America/New_York")[1][2] == 1  # 5:00 UTC of the next day
    lagged = "time,text\n2024-01-02,profits rise\n2024-01-02T12:00,rise\n"
    told, counts = rewritten(folder, lagged, time_zone="UTC", lag_hours=1.0)
    assert counts[:4] == [0, 1, 1, 0]
    assert "known, 1 h after column time;" in told


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "America/Sao_Paulo"])
def test_the_second_reading_ends_days_where_the_first_does(tmp_path, zone):
    cells = ["2018-11-03", "20240320", "2024-11-03", "2024-01-02T08:00", "2024-01-02T08:00+01:00"]
    ours = moments_of(cells, cells, zone=zone, group="text", ends=True)
    (tmp_path / "news.csv").write_text("time;text\n" + "".join(f"{cell};a, b\n" for cell in cells))
    told = second_times(tmp_path / "news.csv", "time", zone, ends=True)
    assert set(ours.to_pydatetime()) <= told
    assert len(told) <= len(cells) + 1
    names = ["2018-11-03", "cam_20240320", "2024-01-02T0800", "2024-01-02T08-00-10", "2024-01-02T0800-0500"]
    for name in names:
        (tmp_path / f"{name}.png").touch()
    stamps = [_stamp(tmp_path / f"{name}.png") for name in names]
    ours = moments_of(stamps, names, zone=zone, group="pictures", dates=True, ends=True)
    assert ours[-1] == pd.Timestamp("2024-01-02T13:00Z")
    assert set(ours.to_pydatetime()) <= second_names(tmp_path, zone)


def test_what_counts_as_known_when_its_day_begins_is_found(folder, sky):
    (folder / "news.csv").write_text("time,text\n2024-01-02,profits rise\n2024-01-05,rise\n")
    text, seen = news(lag_hours=2.0, time_zone="UTC"), pictures(lag_hours=2.0)
    request = SimpleNamespace(text=text, pictures=seen)
    for part, group in ((load_texts(text, None), "text"), (load_pictures(seen, None), "pictures")):
        series = loaded(text).series
        for early in (False, True):
            available = {
                name: part.table.index + 2 * HOUR if early else known for name, known in part.available.items()
            }
            one = replace(part, group=group, available=available)
            found = [what for _, _, what in false_moments(Parts(LoadedSeries(series), (one,)), request)]
            assert ["was published at" in what for what in found] == [True] * early


def test_texts_that_stand_twice_and_the_separator_are_told(folder):
    lines = NEWS.splitlines()
    told, counts = rewritten(folder, "\n".join([*lines, lines[1], lines[1], ""]).replace(",", ";"))
    assert counts[:5] == [0, 3, 2, 0, 1]
    assert "news.csv: semicolon between cells" in told
    assert "2 texts repeat the moment and the words of others, and count again" in told
    assert "text.lexicon=words.csv knows words of 5 of 6 texts; the others score 0" in told


def test_a_lexicon_of_another_language_is_refused(folder):
    (folder / "words.csv").write_text("Gewinn,1\n")
    with pytest.raises(RequestError, match=r"text.lexicon=words.csv knows no word of any text of news.csv"):
        loaded(news())


def test_words_are_hashed_alike_everywhere_and_counted(folder):
    assert (hashed("rise", 512), hashed("été", 512)) == (70, 212)
    series = loaded(news(encoder="svd", words=64, units=4)).series
    (sense,) = series.senses
    assert (sense.kind, sense.shape, len(sense.columns), sense.bars) == ("words", (64,), 64, 8)
    row = series.exogenous[list(sense.columns)].to_numpy()[1]
    told = {hashed("profits", 64): 0.5, hashed("rise", 64): 0.5}
    assert {int(place): row[place] for place in np.flatnonzero(row)} == told


def test_the_words_of_several_texts_stand_behind_each_other(folder):
    series = loaded(news(encoder="lstm", words=50, longest=4)).series
    (sense,) = series.senses
    rows = series.exogenous[list(sense.columns)].to_numpy()
    numbers = {word: 1 + hashed(word, 50) for word in ("profits", "rise", "losses", "mount", "again")}
    assert rows[1].tolist() == [numbers["profits"], numbers["rise"], 0.0, 0.0]
    assert rows[2].tolist() == [numbers[word] for word in ("mount", "profits", "rise", "again")]  # the last four
    assert (sense.kind, sense.vocabulary) == ("tokens", 51)


def test_one_symbols_texts_are_read_of_a_file_of_several(folder):
    lines = NEWS.splitlines()
    rows = [f"{lines[0]},symbol", *(f"{line},{'AB'[number % 2]}" for number, line in enumerate(lines[1:]))]
    (folder / "news.csv").write_text("\n".join(rows))
    assert loaded(news(symbol="B")).series.exogenous["text_count"].sum() == 2.0
    assert loaded(news()).series.exogenous["text_count"].sum() == 4.0
    with pytest.raises(RequestError, match=r"has no text of text.symbol=C, has those of A, B"):
        loaded(news(symbol="C"))


def test_of_several_instruments_each_reads_its_own_texts_and_those_of_all(folder):
    bars = pd.read_csv("bars.csv").rename(columns={"close": "A"})
    bars.assign(B=bars["A"] + 1.0, C=bars["A"] + 2.0).to_csv("panel.csv", index=False)
    lines = NEWS.splitlines()
    symbols = ["symbol", "A", "B", "", "Z"]
    (folder / "news.csv").write_text("\n".join(f"{line},{symbol}" for line, symbol in zip(lines, symbols, strict=True)))
    config = FileConfig(kind="csv", path="panel.csv", calendar="24/7", symbols="all")
    found = load_series(config, NoWeather(), senses={"text": news(), "pictures": NoPictures()})
    whole, told = found.series, " ".join(map(str, found.notes))
    assert "news.csv: 1 row of Z, no instrument of the series: not read" in told
    assert "news.csv: 3 rows, 2024-01-02 to 2024-01-03, in 2 of 12 bars of 3 of 3 instruments, each its own" in told
    counts = {name: whole.instrument(name).exogenous["text_count"].astype(int).tolist()[:5] for name in "ABC"}
    assert counts == {"A": [0, 1, 1, 0, 0], "B": [0, 0, 2, 0, 0], "C": [0, 0, 1, 0, 0]}
    alone = whole.instrument("B")
    assert list(alone.exogenous) == ["text_score", "text_count"]
    assert alone.exogenous["text_score"].iloc[2] == pytest.approx((-1.0 + 0.75) / 2.0)
    assert (set(alone.lags), alone.missing, alone.own) == ({"text_score", "text_count"}, ("text_score",), {})
    assert whole.told_beside == ("text_score", "text_count")
    hashed_words = news(encoder="svd", words=16, units=2)
    panel = load_series(config, NoWeather(), senses={"text": hashed_words, "pictures": NoPictures()}).series
    assert panel.number_columns == ("text_count of A", "text_count of B", "text_count of C")
    assert panel.told_beside == ("text_count", "text")
    assert panel.instrument("C").senses == panel.senses
    everyone = load_series(config, NoWeather(), senses={"text": news(symbol="A"), "pictures": NoPictures()}).series
    assert (everyone.own, everyone.exogenous["text_count"].sum()) == ({}, 1.0)
    (folder / "news.csv").write_text(
        "\n".join(f"{line},{symbol}" for line, symbol in zip(lines, ["symbol", *"abab"], strict=True))
    )
    with pytest.raises(
        RequestError, match=r"has rows of a, b, and none of the instruments A, B, C; write their symbols"
    ):
        load_series(config, NoWeather(), senses={"text": news(), "pictures": NoPictures()})


def test_days_of_a_parquet_table_end_as_those_of_a_csv_do(folder):
    table = pd.DataFrame({"time": ["2024-01-02", "2024-01-05"], "text": ["profits rise", "rise"]})
    table.to_csv("days.csv", index=False)
    table["time"] = pd.to_datetime(table["time"])
    table.to_parquet("days.parquet")
    table.set_index("time").to_parquet("index.parquet")
    table.assign(time=table["time"].dt.date).to_parquet("dates.parquet")
    table.assign(time=table["time"] + pd.to_timedelta([0, 8], "h")).to_parquet("hours.parquet")

    def counts(name):
        kind = name.rpartition(".")[2]
        settings = {"path": name, "time_zone": "UTC", "lag_hours": 2.0, "encoder": "lexicon", "lexicon": "words.csv"}
        return loaded(FileText(kind=kind, **settings)).series.exogenous["text_count"].astype(int).tolist()[:6]

    for name in ("days.csv", "days.parquet", "index.parquet", "dates.parquet"):
        assert counts(name) == [0, 0, 1, 0, 0, 1]
    assert counts("hours.parquet") == [0, 1, 0, 0, 1, 0]  # one has an hour, so that midnight is one


def test_rows_are_those_of_the_file_whatever_lines_are_blank(folder):
    lines = NEWS.splitlines()
    lines[3:3] = ["", "   "]
    lines[2] = lines[2].replace("losses mount", '"losses\nmount"')
    _, counts = rewritten(folder, "\n".join([*lines, "", ""]))
    assert counts[:5] == [0, 1, 2, 0, 1]
    with pytest.raises(RequestError, match=r"^news.csv, row 7: the text is empty"):
        rewritten(folder, "\n".join(lines).replace("nothing", " "))


def test_parquet_is_read_as_csv_is(folder):
    table = pd.read_csv("news.csv")
    table.to_parquet("news.parquet")
    ours = loaded(FileText(kind="parquet", path="news.parquet", encoder="svd", words=16, units=2)).series
    theirs = loaded(FileText(kind="csv", path="news.csv", encoder="svd", words=16, units=2)).series
    assert ours.sha256() == theirs.sha256()


@given(
    st.lists(st.integers(-40, 300), min_size=1, max_size=30),
    st.sampled_from(["mean", "newest", "join", "latest"]),
)
@settings(max_examples=40)
def test_each_row_is_pooled_once_and_never_before_it_is_known(hours, pool):
    hours = sorted(hours)
    columns = event_columns([DAYS[0] + hour * HOUR for hour in hours], pool)
    closes = DAYS + pd.Timedelta(days=1)
    table = pooled(columns, closes, DAYS[0])
    within = [hour for hour in columns.table.index if DAYS[0] < hour <= closes[-1]]
    known = columns.available["x0"]
    if pool != "latest":
        assert table["x_count"].sum() == len(within)
    for bar, (value, count) in enumerate(zip(table["x0"], table["x_count"], strict=True)):
        since = DAYS[0] if bar == 0 else closes[bar - 1]
        own = columns.table["x0"].to_numpy()[(known > since) & (known <= closes[bar])]
        assert np.isnan(value) == (len(own) == 0) == (count == 0.0)
        if len(own):
            assert value == {"mean": own.mean(), "newest": own[-1], "join": own[-1], "latest": own.max()}[pool]


def test_bars_that_are_read_at_one_moment_have_the_same():
    columns = event_columns([DAYS[1] - HOUR, DAYS[1] + HOUR], "newest")
    moments = pd.DatetimeIndex([DAYS[1], DAYS[1], DAYS[2], DAYS[2]])
    assert pooled(columns, moments, DAYS[0])["x0"].tolist() == [1.0, 1.0, 2.0, 2.0]


def test_an_hour_that_clocks_skip_or_repeat_counts_as_the_later_one():
    cells = ["2024-03-31 02:30", "2024-10-27 02:30", "2024-07-01T12:00:00+00:00"]
    told = moments_of(cells, cells, zone="Europe/Berlin", group="text")
    assert told.tolist() == [
        pd.Timestamp(one, tz="UTC") for one in ("2024-03-31 01:00", "2024-10-27 01:30", "2024-07-01 12:00")
    ]


REFUSED = {
    "time,text,published_at\n2024-01-02T08:00:00Z, ,2024-01-02T09:00:00Z\n": "news.csv, row 2: the text is empty",
    "time,text,published_at\n2024-01-02 08:00,up,2024-01-02T09:00:00Z\n": (
        "news.csv, row 2, column time: '2024-01-02 08:00' names no zone; write it as 2024-03-21T09:30:00Z, or say the "
        "zone with text.time_zone=UTC"
    ),
    "time,text,published_at\n2024-01-02,up,2024-01-02T09:00:00Z\n": "'2024-01-02' names no zone",
    "time,text,published_at\ntoday,up,2024-01-02T09:00:00Z\n": "'today' is no time",
    "time,text,published_at\n2024-01-02T08:00:00Z,up,9999-12-31T00:00:00Z\n": (
        "news.csv, row 2, column published_at: '9999-12-31T00:00:00Z' is no moment of the calendar from 1700 to 2200; "
        "correct it, or leave it out"
    ),
    "time,text,published_at\n1600-01-02T08:00:00Z,up,2024-01-02T09:00:00Z\n": (
        "news.csv, row 2, column time: '1600-01-02T08:00:00Z' is no moment of the calendar"
    ),
    "time,text,published_at\n2024-01-02T08:00:00Z,up,\n": "column published_at: '' is no time",
    "time,text,published_at\n2024-01-02T08:00:00Z,up,2024-01-01T09:00:00Z\n": "before its own time",
    "time,text\n2024-01-02T08:00:00Z,up\n": (
        "does not say when its texts were published: it has no column published, published_at, published at, "
        "available_at or known_at"
    ),
    "time,words,published_at\n2024-01-02T08:00:00Z,up,2024-01-02T09:00:00Z\n": "must have a column 'text', has time",
    "\ntime,text,published_at,published_at\n2024-01-02T08:00:00Z,up,2024-01-02T09:00:00Z,2024-01-05T09:00:00Z\n": (
        "news.csv must name every column once; published_at stands twice"
    ),
    "time,text,published_at\n": "news.csv holds no texts",
    "": "news.csv is empty",
    "time,text,published_at\n\n2024-01-02T08:00:00Z,up, or down,2024-01-02T09:00:00Z\n": (
        "news.csv, row 3: it has 4 cells, and the header 3; a text that holds the separator stands in quotation marks"
    ),
    'time,text,published_at\n2024-01-02T08:00:00Z,"up,2024-01-02T09:00:00Z\n': (
        "news.csv, row 2: a quotation mark is never closed"
    ),
    '[{"time": 1}]': "news.csv is JSON, not CSV",
    "time,text,published_at\n2030-01-02T08:00:00Z,rise,2030-01-02T09:00:00Z\n": (
        "no bar of bars, 2024-01-01 to 2024-01-12, has any of news.csv, 2030-01-02 to 2030-01-02"
    ),
}


@pytest.mark.parametrize("content", REFUSED)
def test_texts_that_cannot_be_read_with_certainty_are_refused(folder, content):
    (folder / "news.csv").write_text(content)
    with pytest.raises(RequestError) as refusal:
        loaded(news())
    assert REFUSED[content] in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "name", "other"),
    [("csv", "news.parquet", "parquet"), ("csv", "news.PQ", "parquet"), ("parquet", "news.csv.gz", "csv")],
)
def test_a_file_of_the_other_kind_is_answered_with_the_words_that_read_it(folder, kind, name, other):
    (folder / name).write_bytes(b"PAR1")
    with pytest.raises(
        RequestError, match=f"text={kind} reads no file that is called {name}; write text={other} text.path={name}$"
    ):
        loaded(news(kind=kind, path=name))


def test_damaged_files_of_texts_are_told_in_our_words(folder):
    (folder / "news.csv.gz").write_bytes(b"\x1f\x8b\x08damaged")
    with pytest.raises(RequestError, match=r"news.csv.gz is a damaged or truncated gzip file; copy it again$"):
        loaded(news(path="news.csv.gz"))
    pd.read_csv("news.csv").to_parquet("news.parquet")
    for content in ((folder / "news.parquet").read_bytes()[:-9], b"time,text"):
        (folder / "news.parquet").write_bytes(content)
        with pytest.raises(
            RequestError, match=r"news.parquet is a damaged or truncated Parquet file, or none; copy it"
        ):
            loaded(FileText(kind="parquet", path="news.parquet"))


@pytest.mark.parametrize(
    ("content", "said"),
    {
        "rise,1\nrise,2\n": "line 2: a line must be a word that stands once",
        "rise\n": "line 1: a line must be a word",
        "word,score\n": "must give a word a score other than 0, gives none",
        "two words,1\n": "line 1: a line must be a word",
    }.items(),
)
def test_a_lexicon_that_is_none_is_refused(folder, content, said):
    (folder / "words.csv").write_text(content)
    with pytest.raises(RequestError, match=said):
        loaded(news())
    with pytest.raises(
        RequestError, match=r"vader, or a file of word,score; 'nowhere.csv' is no file that can be read"
    ):
        loaded(news(lexicon="nowhere.csv"))


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="lag_hours and available_column both say when"):
        news(lag_hours=1.0, available_column="x")
    with pytest.raises(ValueError, match="units must be at most words = 4 for encoder svd, were 16"):
        news(encoder="svd", words=4)


def write_picture(path, values):
    from PIL import Image

    Image.fromarray(np.asarray(values, dtype=np.uint8)).save(path)


@pytest.fixture
def sky(folder):
    (folder / "sky").mkdir()
    half = np.zeros((8, 8))
    half[:, 4:] = 255.0
    write_picture(folder / "sky" / "2024-01-02T0930Z.png", half)
    write_picture(folder / "sky" / "cam_20240102T103000+0100.png", half.T)
    write_picture(folder / "sky" / "2024-01-05.png", np.full((8, 8, 3), 51.0))
    return folder / "sky"


def pictures(**settings):
    return PictureFolder(path="sky", **{"lag_hours": 1.0, "pixels": 4} | settings)


def test_a_bar_has_the_newest_picture_that_is_known(folder, sky):
    found = loaded(pictures=pictures())
    series, told = found.series, " ".join(map(str, found.notes))
    assert "names in sky: 1 time names no hour, so it counts as the end of that day" in told
    assert "sky: 1 picture is of the moment of another; of each moment the last by name is read" in told
    assert "each by when it was known, 1 h after the time in its name;" in told
    (sense,) = series.senses
    assert (sense.kind, sense.shape, sense.units) == ("picture", (4, 4), 8)
    assert series.exogenous["picture_count"].tolist() == [0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    shown = series.exogenous[list(sense.columns)].to_numpy()
    lying = np.repeat([[0.0] * 4, [1.0] * 4], 2, axis=0)
    np.testing.assert_allclose(shown[1].reshape(4, 4), lying)  # both are of 9:30 UTC; the later name
    np.testing.assert_allclose(shown[5], 0.2)  # of a day, which is over first
    assert np.isnan(shown[[0, 2]]).all()
    later = loaded(pictures=pictures(lag_hours=24.5)).series.exogenous["picture_count"]
    assert later.tolist() == [0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0]


def test_every_depth_is_scaled_and_what_is_seen_through_is_black(tmp_path):
    from PIL import Image

    def brightness(values, ending="png", mode=None, **how):
        picture = Image.fromarray(values)
        (picture.convert(mode) if mode else picture).save(tmp_path / f"x.{ending}", **how)
        if ending != "png":
            (tmp_path / f"x.{ending}").rename(tmp_path / "x.png")
        return read_picture(tmp_path / "x.png", 4)

    deep = np.repeat(np.array([0, 13107, 39321, 65535], dtype=np.uint16)[None], 4, axis=0)
    np.testing.assert_allclose(brightness(deep)[0], [0.0, 0.2, 0.6, 1.0], atol=1e-6)
    for values in (deep.astype(np.int32), deep.astype(np.float32)):
        with pytest.raises(RequestError, match=r"x.png has 32 bits a pixel, .* save it with 8 or 16 bits"):
            brightness(values, "tiff")
    white = np.full((4, 4, 4), 255, dtype=np.uint8)
    white[:, 2:, 3] = 0
    for mode in ("RGBA", "LA"):
        np.testing.assert_allclose(brightness(white, mode=mode)[0], [1.0, 1.0, 0.0, 0.0])
    flat = np.repeat(np.array([255, 51], dtype=np.uint8)[None], 4, axis=0).repeat(2, axis=1)
    np.testing.assert_allclose(brightness(flat, transparency=255)[0], [0.0, 0.0, 0.2, 0.2])


@pytest.mark.parametrize(
    ("name", "said"),
    {
        "cloud.png": "cloud.png must have its time in its name",
        "2024-01-02T0930.png": "'2024-01-02T09:30:00' names no zone; write it as 2024-03-21T0930Z, or say the zone",
        "2024-13-02.png": "'2024-13-02' is no time",
        "2300-01-01T1200Z.png": "2300-01-01T1200Z.png: '2300-01-01T12:00:00Z' is no moment of the calendar from",
        "2024-01-03.png": "2024-01-03.png cannot be read as a picture: it is damaged, cut off, too large, or none",
    }.items(),
)
def test_pictures_that_cannot_be_read_are_refused(folder, sky, name, said):
    (sky / name).write_bytes((sky / "2024-01-05.png").read_bytes()[:60])
    with pytest.raises(RequestError) as refusal:
        loaded(pictures=pictures())
    assert said in str(refusal.value)


def test_what_is_no_picture_is_told_and_not_read(folder, sky):
    before = loaded(pictures=pictures()).series.sha256()
    for name in (".hidden", "2024-01-03T0930Z.gif", "notes.txt"):
        (sky / name).write_bytes(b"GIF89a")
    (sky / "older").mkdir()
    found = loaded(pictures=pictures())
    note = "sky: 2024-01-03T0930Z.gif, notes.txt, older are not read; pictures end with .png, .jpg, .jpeg"
    assert note in " ".join(map(str, found.notes))
    assert found.series.sha256() == before
    for path in sky.glob("*.png"):
        path.unlink()
    with pytest.raises(
        RequestError, match=r"'sky' holds no pictures, only 2024-01-03T0930Z.gif, notes.txt, older; bring"
    ):
        loaded(pictures=pictures())


def test_a_folder_without_pictures_is_refused(folder):
    with pytest.raises(RequestError, match=r"pictures.path must name a folder, 'sky' is none"):
        loaded(pictures=pictures())
    (folder / "sky").mkdir()
    with pytest.raises(RequestError, match="'sky' holds no pictures"):
        loaded(pictures=pictures())


def test_columns_of_the_series_may_not_bear_their_names(folder):
    bars = pd.read_csv("bars.csv")
    bars.assign(text_count=np.arange(12) % 5).to_csv("bars.csv", index=False)
    with pytest.raises(RequestError, match="text_count stands in the series and is a name of text"):
        loaded(news())


def test_cells_of_any_length_are_read_by_both_readings(folder):
    long = "word " * 80_000  # 400,000 signs; the standard library stops at 131,072 unless it is told otherwise
    rows = f'time,text,published_at\n\n2024-01-02T08:00:00Z,"{long}rise",2024-01-02T09:00:00Z\n'
    assert rewritten(folder, rows)[1][1] == 1
    assert second_times(folder / "news.csv", "published_at") == {pd.Timestamp("2024-01-02T09:00Z").to_pydatetime()}
    bars = (folder / "bars.csv").read_text().replace("close", "close,note")
    lines = bars.splitlines()
    quoted = [lines[0], *(f'{line},"{long if row == 3 else "x"}"' for row, line in enumerate(lines[1:]))]
    (folder / "bars.csv").write_text("\n".join(quoted) + "\n")
    assert len(loaded().series.index) == 12
    assert second_times(folder / "bars.csv") == {day.to_pydatetime() for day in DAYS}
    (folder / "members.csv").write_text(f'symbol,from,until,why\nA,2024-01-01,,"{long}"\n')
    assert set(second_members(SimpleNamespace(membership="members.csv"))) == {"A"}


def test_no_module_reads_csv_with_the_limit_of_the_standard_library():
    package = Path(tradewinds.__file__).parent
    reads = [path.name for path in package.rglob("*.py") if re.search(r"csv\.(reader|DictReader)\(", path.read_text())]
    assert reads == ["csv_rows.py"]
