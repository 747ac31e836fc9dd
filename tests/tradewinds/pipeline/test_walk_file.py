"""A walk that is killed goes on where it was cut off when the command is typed again, and comes to the same bit."""

import multiprocessing
import os
import signal
from pathlib import Path

import pandas as pd
import pytest
from daywise import WORDS as DAYWISE
from daywise import write_power

import tradewinds.pipeline.walk_file as walk_file
from tradewinds.__main__ import main

from story import CommandLine

WORDS = (*DAYWISE, "trainer.epochs=3", "agent.steps=40", "agent.validate_every=20")
STATES = "hidden_states/hidden_states.parquet"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("walks")
    write_power(place / "power.csv")
    return place


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    return CommandLine(capsys)


def die_at_a_walk_that_is_written_down(number, words):
    """Type a command, in a process of its own, and kill it when so many walks have come to lie on the disk."""
    written, write = [], walk_file.write_bytes

    def count(path, content):
        write(path, content)
        written.append(path)
        if len(written) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    walk_file.write_bytes = count
    main(words)


def killed(number, words):
    process = multiprocessing.get_context("fork").Process(
        target=die_at_a_walk_that_is_written_down, args=(number, words)
    )
    process.start()
    process.join()
    return process.exitcode == -signal.SIGKILL


def test_a_walk_killed_on_its_way_goes_on_when_the_command_is_typed_again(typed, folder):
    clean = typed("run", *WORDS, "run.name=clean")
    assert clean.status == 0, clean.err
    assert "walk day_lstm: 100%" in clean.err
    (whole,) = (path.parent for path in Path("runs/clean").glob("*/report.json"))
    words = [*WORDS, "run.name=killed"]
    assert killed(4, ["run", *words])  # the walk up to the days that are judged has ended, the one through them has not
    assert len(list(Path("runs/killed/.walks").iterdir())) == 2
    again = typed("run", *words)
    assert again.status == 0, again.err
    assert again.err.count("goes on with a walk that was cut off after 2021-") == 2
    (run,) = (path.parent for path in Path("runs/killed").glob("*/report.json"))
    for table in (STATES, "backtest/paths.csv"):
        assert (run / table).read_bytes() == (whole / table).read_bytes()
    assert (run / "hidden_states/walk.safetensors").read_bytes() == (
        whole / "hidden_states/walk.safetensors"
    ).read_bytes()
    assert not Path("runs/killed/.walks").exists()


def test_encode_goes_on_too_and_a_damaged_file_is_a_walk_from_the_start(typed, folder):
    words = [*WORDS, "run.name=alone"]
    assert typed("train-forecaster", *words).status == 0
    assert not Path("runs/alone/.walks").exists()
    assert killed(1, ["encode", *words])
    (file,) = Path("runs/alone/.walks").iterdir()
    cut_off = file.read_bytes()
    goes_on = typed("encode", *words)
    assert (goes_on.status, "goes on with a walk that was cut off" in goes_on.err) == (0, True), goes_on.err
    file.parent.mkdir()
    file.write_bytes(cut_off[:-100])
    afresh = typed("encode", *words)
    assert (afresh.status, "goes on" in afresh.err) == (0, False), afresh.err
    one, two = sorted(Path("runs/alone").glob(f"*/{STATES}"))
    pd.testing.assert_frame_equal(pd.read_parquet(one), pd.read_parquet(two), check_exact=True)


def test_a_walk_that_nobody_took_up_is_removed_after_a_week(typed, folder):
    left = Path("runs/old/.walks/some-0.safetensors")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"")
    os.utime(left, (0, 0))
    assert typed("train-forecaster", *WORDS, "run.name=old").status == 0
    assert not left.exists()
