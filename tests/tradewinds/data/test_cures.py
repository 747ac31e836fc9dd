"""Every option that a refusal offers works as it is typed."""

import re
import shlex

import pandas as pd
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.data import load_series
from tradewinds.data.config import NoWeather
from tradewinds.data.rules import DataConfig

from layouts import OF_UTC, WINTER, config_of, load, typed


def cures_in(message):
    """Return the options that a message offers, as they are to be typed."""
    return [
        shlex.split(match[0])[0]
        for match in re.finditer(
            r"'(series|data)\.\w+=\"[^\"]*\"'|(series|data)\.\w+=('[^']*'|\[[^\]]*\]|[^\s;,()]+)", message
        )
    ]


def type_until_read(path, wanted, words):
    """Type what refusals offer, one after another, until the file is read: what is wanted, or else what comes first."""
    words, repair, marks = list(words), [], []
    for _ in range(5):
        try:
            rules = DataConfig(repair=tuple(repair), missing_marks=tuple(marks), accept_jumps=True)
            return load_series(config_of(path, words), NoWeather(), rules)
        except RequestError as error:
            offered = cures_in(str(error))
            if not offered or set(offered) & set(words):
                raise AssertionError(f"no way on from {error}") from error
            word = next((offer for offer in offered if offer == wanted), offered[0])
            if word.startswith("data.repair"):
                repair += typed([word])["data.repair"]
            elif word.startswith("data.missing_marks"):
                marks += map(str, typed([word])["data.missing_marks"])
            else:
                words.append(word)
    raise AssertionError(words)


SHORT = pd.date_range("2024-01-02", periods=9, freq="D")


def dates(form, stamps=SHORT):
    return "date,close\n" + "".join(f'"{stamp.strftime(form)}",{50 + n % 5}\n' for n, stamp in enumerate(stamps))


CURED = {  # what stands in a file, which of several offers is typed, and the second stamp that is then right
    "day first": (dates("%d/%m/%Y"), "", "2024-01-03"),
    "month first": (dates("%m/%d/%Y"), "series.time_format=%m/%d/%Y", "2024-01-03"),
    "years of two digits": (dates("%d.%m.%y"), "", "2024-01-03"),
    "with hours": (dates("%d/%m/%Y %H:%M", SHORT + pd.Timedelta(hours=7)), "", "2024-01-03T07:00"),
    "with AM and PM": (
        dates("%m-%d-%Y %I:%M %p", SHORT + pd.Timedelta(hours=19)),
        "series.time_format=%m-%d-%Y %I:%M %p",
        "2024-01-03T19:00",
    ),
    "with seconds and parts": (dates("%d.%m.%Y %H:%M:%S.%f", SHORT + pd.Timedelta(hours=7)), "", "2024-01-03T07:00"),
    "in intervals": (dates("%d/%m/%Y 00:00 - %d/%m/%Y 12:00"), "", "2024-01-03"),
    "in intervals of the day": (dates("%d.%m.%Y 00:00-01:00") + "03.02.2024 01:00-02:00,3\n", "", "2024-01-03"),
    "some with hours": (dates("%d/%m/%Y").replace('02/01/2024"', '02/01/2024 00:00"'), "", "2024-01-03"),
    "decimal comma": (
        "date;close\n" + "".join(f"{day:%Y-%m-%d};1,{500 + day.day}\n" for day in SHORT),
        "",
        "2024-01-03",
    ),
    "two closes": (
        dates("%Y-%m-%d").replace("\n", ",3\n").replace("close,3", "Schluss,Schlusskurs"),
        "",
        "2024-01-03",
    ),
    "no close": (dates("%Y-%m-%d").replace("close\n", "Open,Settle (EUR)\n").replace(",5", ",5,5"), "", "2024-01-03"),
    "only an adjusted close": (dates("%Y-%m-%d").replace("close", "Adj Close"), "", "2024-01-03"),
    "no header": (dates("%Y-%m-%d").split("\n", 1)[1], "", "2024-01-03"),
    "a hole": (dates("%Y-%m-%d").replace(",52\n", ",.\n", 1), "", "2024-01-03"),
    "a mark": (dates("%Y-%m-%d").replace(",52\n", ",-9999\n", 1), "", "2024-01-03"),
    "a row twice": (dates("%Y-%m-%d") + "2024-01-10,53\n", "", "2024-01-03"),
    "rows out of order": (dates("%Y-%m-%d") + "2024-01-01,53\n", "", "2024-01-02"),
    "an hour that a clock change repeats": (
        "time,close\n" + "".join(f"{stamp:%Y-%m-%d %H:%M},{stamp.day}\n" for stamp in OF_UTC),
        "data.repair=[dst]",
        "2024-10-26T01:00",
    ),
    "local hours without a zone": (
        "time,close\n" + "".join(f"{stamp:%Y-%m-%d %H:%M},{stamp.day}\n" for stamp in OF_UTC),
        "",
        "2024-10-26T01:00",
    ),
    "hours of no clock": (
        "MTU (CET/CEST),price\n" + "".join(f"{stamp:%d.%m.%Y %H:%M},{stamp.day}\n" for stamp in WINTER),
        "",
        "2024-03-28T23:00",
    ),
    "symbols of digits": (
        "symbol,date,close\n"
        + "".join(f"{symbol},{day:%Y-%m-%d},{day.day}\n" for symbol in ("005930", "000660") for day in SHORT),
        "",
        "2024-01-03",
    ),
    "a symbol that is a word of YAML": (
        "symbol,date,close\n"
        + "".join(f"{symbol},{day:%Y-%m-%d},{day.day}\n" for symbol in ("ON", "ZTS") for day in SHORT),
        "",
        "2024-01-03",
    ),
}


@pytest.mark.parametrize("name", CURED)
def test_what_a_refusal_offers_works_as_it_is_typed(name, tmp_path):
    text, wanted, second = CURED[name]
    words = ["series.time_zone=Europe/Berlin"] if "dst" in wanted else []
    path = tmp_path / "bars.csv"
    path.write_text(text)
    with pytest.raises(RequestError):
        load(path, *words)
    assert type_until_read(path, wanted, words).series.index[1] == pd.Timestamp(second, tz="UTC")


def test_where_names_are_unknown_no_column_is_guessed_to_be_the_close(tmp_path):
    path = tmp_path / "bars.csv"
    rows = "".join(f"2024-01-{day:02},{day},{day + 2},{day + 1}\n" for day in range(1, 10))
    path.write_text("date,avaus,ylin,paatos\n" + rows)
    with pytest.raises(
        RequestError, match=r"by series\.close=NAME, NAME being one of avaus, ylin, paatos; or, if each"
    ):
        load(path)
    path.write_text(rows)
    with pytest.raises(
        RequestError, match=r"a row, '2024-01-01,1,3,2'; name all 4 columns .* series\.names=\[\.\.\.\],"
    ):
        load(path)
