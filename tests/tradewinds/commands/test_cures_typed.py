"""Refusals provoked, and the cure that each names typed after the words it refused: then it is gone."""

import re
import shlex

import numpy as np
import pandas as pd
import pytest
from cures import UNKNOWN, options_in

from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of, refuse

from story import write_bars

MINE = ("series=csv", "series.path=mine.csv")
POWER = ("series=csv", "series.path=power.csv")
UNIT = ("env=battery", "agent=planner", "env.actions=power", "split.embargo_bars=24", "model.context_length=24")


def refusal_of(words, command="run"):
    """Return why nothing comes of a request before anything is trained, or an empty text."""
    try:
        options = [word for word in words if word != "-m"]
        for plain in compose_requests(options, [resource_dir("conf")], multirun="-m" in words):
            request = request_from(plain)
            request.inputs.refuse(command)
            refuse(request, command)
            job_of(request, whole=True)
    except RequestError as error:
        return str(error)
    return ""


def rewritten(**columns):
    """The bars of `mine.csv` with other columns."""

    def write():
        table = pd.read_csv("mine.csv")
        for name, change in columns.items():
            table[name] = change(table[name])
        table.to_csv("mine.csv", index=False)

    return write


def rows(change):
    """The bars of `mine.csv` with other rows."""
    return lambda: change(pd.read_csv("mine.csv")).to_csv("mine.csv", index=False)


def at(row, value):
    return lambda column: column.where(column.index != row, value)


def clock_change(column):
    hours = pd.date_range("2020-10-20", periods=len(column), freq="h", tz="Europe/Berlin")
    return hours.tz_localize(None).astype(str)


STORIES = {
    "rows out of order": (rows(lambda table: table.iloc[[1, 0, *range(2, len(table))]]), MINE),
    "a row twice": (rows(lambda table: table.iloc[[0, 0, *range(1, len(table))]]), MINE),
    "a close is missing": (rewritten(close=at(40, np.nan)), MINE),
    "a close of zero": (rewritten(close=at(40, 0.0), low=at(40, 0.0)), MINE),
    "a close above its high": (rewritten(high=lambda column: at(40, column[40] * 0.97)(column)), MINE),
    "an hour twice": (rewritten(date=clock_change), (*MINE, "series.time_zone=Europe/Berlin")),
    "a price of half the one before": (
        rewritten(
            **dict.fromkeys(
                ("open", "high", "low", "close"), lambda prices: prices.where(prices.index < 250, prices / 2.0)
            )
        ),
        MINE,
    ),
    "a policy of an LSTM from a forecaster of another size": (None, ("agent=direct_lstm", "agent.start=forecaster")),
    "an agent of discrete actions for a continuous one": (None, ("env.actions=exposure",)),
    "a schedule for power on a short forecast": (None, (*POWER, *UNIT)),
    "an agent of accounts for a game": (None, ("env=gymnasium", "agent=direct")),
    "two values without a sweep": (None, ("seed=1,2",)),
    "a name without its group": (None, ("time_zone=UTC", *MINE)),
    "a misspelled key": (None, ("model.hiden_size=8",)),
    "a misspelled choice": (None, ("model=lstmm",)),
}


def cures_of(message, words):
    """Every way to type what a message names: an option more, several of them, or a word in the place of another."""
    options = [(key, "".join(shlex.split(value))) for key, value in options_in(message)]
    known = [f"{key}={value}" for key, value in options if not UNKNOWN.search(value)]
    new = [option for option in known if option not in words]
    yield from ([*words, option] for option in new)
    yield [*words, *new]
    if "add -m" in message:
        yield [*words, "-m"]
    for better in re.findall(r"did you mean '([^']+)'", message) + re.findall(r" or '([\w.]+)'", message):
        for place, word in enumerate(words):
            key, _, value = word.partition("=")
            for other in (f"{better}={value}", f"{key}={better}"):
                yield [*words[:place], *words[place + 1 :], other]
    for key, value in re.findall(r"([\w.]+) must be (?:at least )?(\w+)[, ]", message):
        yield [*words, f"{key}={value}"]


def answers(message, words):
    """What is said to every cure that a message names, by what is typed."""
    return {shlex.join(cure): refusal_of(cure) for cure in cures_of(message, words)}


@pytest.mark.parametrize("story", STORIES)
def test_the_cure_that_a_refusal_names_works(story, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "mine.csv", 500)
    hours = pd.date_range("2021-04-05T05:00", periods=24 * 64, freq="h", tz="UTC", name="time")
    price = 40.0 + 15.0 * np.sin(np.arange(len(hours)) * np.pi / 12.0)
    pd.DataFrame({"close": price}, index=hours).to_csv("power.csv")
    write, words = STORIES[story]
    if write is not None:
        write()
    message = refusal_of(words)
    assert message, f"{story} is not refused"
    tried = answers(message, list(words))
    if "" not in tried.values():  # what was wrong besides is said then, and cured as well
        tried |= {word: said for cure, more in tried.items() for word, said in answers(more, shlex.split(cure)).items()}
    assert "" in tried.values(), f"refused with: {message}\ntyped: {tried}"
