"""Several instruments at once: leaks through one of them or through the cross-section are found and named, by `run`."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import forecaster.training.instruments as instruments
import forecaster.training.training_set as training
import tradewinds.leakcheck.label_audit as label_audit
from tradewinds.core.resources import resource_dir
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.leakcheck.audit import audit_known
from tradewinds.leakcheck.label_audit import second_changes
from tradewinds.leakcheck.lifetimes import other_lifetimes
from tradewinds.leakcheck.reload import check_source, other_bar
from tradewinds.leakcheck.second_members import second_members
from tradewinds.leakcheck.stretch import parts_of, world_of
from tradewinds.leakcheck.verdict import Verdict
from tradewinds.leakcheck.worlds import another_world
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of

from leaks import CALLS, PLANTS, planted
from leaks.requests import REQUESTS, write_universe
from markets import ragged_panel

NAMES = ("AAA", "BBB", "LATE", "GONE", "STOP")
FOUND = {
    "rank_over_a_span_with_tomorrow": ("features", "audit", "column log_return.AAA is another when the bars after"),
    "membership_a_month_early": ("series", "audit", "NEW trades at this bar, and is no member then"),
    "scaler_of_all_rows": ("scaler", "audit", "column log_return of AAA is scaled by other bars than those that fit"),
    "delisting_known_in_advance": ("observations", "frozen", "it changed when only bars after"),
    "covariance_of_the_test_span": ("actions", "frozen", "minimum_variance.AAA: it changed when only bars after"),
    "plan_on_the_covariance_of_the_test_span": ("actions", "frozen", "of AAA: it changed when only bars after"),
    "opened_at_the_close": ("fills", "account", "of BBB, and "),
    "another_one_s_next_close": ("features", "audit", "are away; those of BBB suffice"),
    "mean_of_the_survivors": ("features", "audit", "column relative_return.AAA is another when the bars after"),
}


def panel(num_bars=120):
    return ragged_panel(
        num_bars, instruments=NAMES, lists={"LATE": 60}, ends={"GONE": 90}, halts={"STOP": range(40, 45)}
    )


@pytest.fixture
def universe(tmp_path, monkeypatch):
    """A request of six ragged histories, prepared as `leakcheck` prepares it."""
    monkeypatch.chdir(tmp_path)
    write_universe(tmp_path)

    def prepared(*words, kind="universe"):
        (plain,) = compose_requests([*REQUESTS[kind].split(), *words], [resource_dir("conf")], multirun=False)
        return job_of(request_from(plain), whole=True)

    return prepared


@pytest.mark.parametrize("name", FOUND)
def test_a_leak_of_a_universe_ends_its_run_and_is_named(name, tradewinds, tmp_path):
    write_universe(tmp_path)
    CALLS.clear()
    with planted(name):
        answer = tradewinds("run", *REQUESTS[PLANTS[name].request].split())
    assert sum(CALLS.values()) > 0
    assert answer.status == 3, answer.out
    (file,) = tmp_path.glob("runs/*/*/report.json")
    leak = json.loads(file.read_text())["honesty"]["leakcheck_detail"]["leak"]
    stage, probe, words = FOUND[name]
    assert (leak["stage"], leak["probe"]) == (stage, probe), leak["what"]
    assert words in leak["what"]


def test_more_windows_than_a_regression_is_fitted_on_are_no_leak(universe, monkeypatch):
    """An instrument that lists late is scaled by everyone's labels, of which regressions read every second or third."""
    for module in (instruments, label_audit):
        monkeypatch.setattr(module, "MOST_WINDOWS", 150)
    prepared = universe()
    parts = training.training_set(prepared.panel, prepared.config.forecaster, prepared.split.forecaster).parts
    assert not all(part.rows.enough for part in parts)
    assert sum(len(part.rows.fit) for part in parts) > 2 * 150
    assert audit_known(prepared).leak is None


def test_an_instrument_that_never_moved_is_no_leak(universe, tmp_path):
    bars = pd.read_csv(tmp_path / "universe.csv")
    bars.loc[bars["symbol"] == "BBB", ["open", "high", "low", "close"]] = 20.0
    bars.to_csv(tmp_path / "universe.csv", index=False)
    prepared = universe()
    assert audit_known(prepared).leak is None


@given(st.integers(0, 10_000), st.integers(1, 118))
def test_other_lifetimes_leave_the_past_and_break_no_law_of_a_series(seed, row):
    series = panel()
    lives = other_lifetimes(series.traded, series.delisted, row, np.random.default_rng(seed))
    world = dataclasses.replace(series, **lives)  # whose laws are checked
    for name in ("traded", "delisted"):
        np.testing.assert_array_equal(getattr(world, name)[: row + 1], getattr(series, name)[: row + 1])
    assert world.traded.any(axis=1).all()
    gone = series.delisted[: row + 1].any(axis=0)
    assert not world.traded[row + 1 :, gone].any()


@pytest.mark.parametrize("row", [30, 55, 85, 100])
def test_soon_after_a_bar_other_instruments_trade_than_truly_do(row):
    series = panel()
    worlds = [another_world(Parts(LoadedSeries(series)), row, seed=seed).series.series for seed in range(3)]
    soon = slice(row + 1, row + 5)
    assert all((world.traded[soon] != series.traded[soon]).any() for world in worlds)
    assert all(world.delisted[soon].any() for world in worlds)
    same = another_world(Parts(LoadedSeries(series)), row, same_bars=True).series.series
    np.testing.assert_array_equal(same.traded, series.traded)


@pytest.mark.parametrize("seed", range(3))
def test_prices_of_another_world_walk_apart(seed):
    series = dataclasses.replace(panel(), target="relative_return")
    world = another_world(Parts(LoadedSeries(series)), 50, seed=seed).series.series
    moves = np.diff(np.log(world.close), axis=0)[51:, :2]
    assert abs(np.corrcoef(moves.T)[0, 1]) < 0.9
    both = world.has_change[51] & series.has_change[51]
    assert (np.abs(world.changes()[51] - series.changes()[51])[both] > 0.01).all()
    carried = ~world.traded[1:]
    np.testing.assert_array_equal(world.close[1:][carried], world.close[:-1][carried])
    assert not world.volume[1:][carried].any()


@pytest.mark.parametrize("target", ["log_return", "relative_return"])
def test_changes_are_found_a_second_time(target):
    series = dataclasses.replace(panel(), target=target)
    ours = second_changes(series)
    np.testing.assert_array_equal(np.isfinite(ours), series.has_change)
    np.testing.assert_allclose(np.nan_to_num(ours), series.changes(), atol=1e-14)
    one = series.instrument("STOP")
    if target == "relative_return":
        one = dataclasses.replace(one, common=training.with_common(series).common)
    np.testing.assert_allclose(second_changes(one)[:, 0], ours[:, 4], atol=1e-14)


@pytest.mark.parametrize("kind", ["universe", "relative", "members"])
def test_a_clean_universe_audits_every_column_of_every_instrument(universe, kind):
    prepared = universe("features.cross_section=[rank,zscore]", kind=kind)
    audit = audit_known(prepared)
    assert audit.leak is None, str(audit.leak)
    names = [column.name for column in audit.columns if column.use == "observation"]
    assert all(f"log_return.{name}" in names for name in prepared.series.instruments)
    assert prepared.panel.delisted is not None


def test_a_label_of_a_bar_without_a_trade_is_found(universe, monkeypatch):
    original = training._usable

    def careless(past, *given, **options):
        usable = original(past, *given, **options)
        stop = past.instruments.index("STOP")
        usable[stop, 195:205] = usable[0, 195:205]
        return usable

    monkeypatch.setattr(training, "_usable", careless)
    leak = audit_known(universe()).leak
    assert leak.stage == "forecaster_fit"
    assert "of STOP of the window that ends at this bar is of a bar in which it did not trade" in leak.what


def test_a_source_read_again_may_lack_what_lists_later(universe):
    verdict = Verdict()
    check_source(universe("series.last=2020-09-30"), verdict)  # at 60 % of which LATE has no bar yet
    assert verdict.leak is None, str(verdict.leak)
    assert verdict.asked["reload"] == 3


def test_an_instrument_that_is_loaded_otherwise_is_named(universe):
    whole = parts_of(universe()).series.series
    cut = whole.rows(range(300))
    assert other_bar(whole, cut) is None
    closes = {name: np.array(getattr(cut, name)) for name in ("open", "high", "low", "close")}
    for column in closes.values():
        column[70, 1] *= 1.01
    assert other_bar(whole, dataclasses.replace(cut, **closes)) == (70, "BBB")
    earlier = np.array(cut.traded)
    earlier[90, 3] = True
    assert other_bar(whole, dataclasses.replace(cut, traded=earlier)) == (90, whole.instruments[3])


def test_memberships_are_read_alike_in_every_form(universe, tmp_path):
    from tradewinds.data.assemble.membership import Membership

    first = second_members(universe(kind="members").config.series)
    since = {name: changes[0][0] for name, changes in first.items()}
    days = pd.bdate_range("2020-01-01", periods=420)
    told = pd.DataFrame(
        [
            (day.strftime("%Y-%m-%d"), name, int(pd.Timestamp(since[name]).tz_localize(None) <= day))
            for day in days
            for name in since
        ],
        columns=["date", "symbol", "member"],
    )
    told.to_csv(tmp_path / "states.csv", index=False)
    states = second_members(universe("series.membership=states.csv").config.series)
    bars = pd.read_csv(tmp_path / "universe.csv").merge(told, on=["date", "symbol"])
    bars.to_csv(tmp_path / "universe.csv", index=False)
    column = second_members(universe("series.membership=member").config.series)
    index = days.tz_localize("UTC")
    for name in since:
        read = []
        for changes in (first[name], states[name], column[name]):
            moments = np.array([pd.Timestamp(moment).value for moment, _ in changes])
            read.append(Membership({name: (moments, np.array([member for _, member in changes]))}).at(name, index))
        listed = index >= pd.Timestamp(since[name])
        for one in read:
            np.testing.assert_array_equal(one, listed)


def test_worlds_of_a_universe_are_prepared(universe):
    prepared = universe()
    for row in (150, 300, 379, 400):
        world = world_of(prepared, another_world(parts_of(prepared), row))
        assert world.series.index.equals(prepared.series.index)
