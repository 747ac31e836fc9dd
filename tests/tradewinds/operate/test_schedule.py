"""When a retraining is due: cron in UTC, or minutes after an exchange's close, holidays and short days included."""

import io
from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta

import exchange_calendars
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.operate import schedule
from tradewinds.operate.database import Database
from tradewinds.operate.schedule import close_workflows, due_after, due_before, open_workflows, retrainings
from tradewinds.request.schema import ScheduleConfig


def config(**changes):
    values = {"cron": None, "exchange": "XNYS", "minutes_after_close": 30, "attempts": 1, "once": False}
    return ScheduleConfig(**{**values, **changes})


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "due"),
    [
        ("2024-07-02T12:00", "2024-07-02T20:30"),  # an ordinary Tuesday in summer time
        ("2024-07-02T20:30", "2024-07-03T17:30"),  # the eve of Independence Day closes at 13:00 in New York
        ("2024-07-03T17:30", "2024-07-05T20:30"),  # the Fourth itself is no session
        ("2024-11-29T12:00", "2024-11-29T18:30"),  # the Friday after Thanksgiving
        ("2024-12-06T22:00", "2024-12-09T21:30"),  # over a weekend, in winter time
    ],
)
def test_after_the_close_knows_holidays_short_days_and_summer_time(moment, due):
    assert due_after(config(), at(moment)) == at(due)


def test_the_last_due_moment_lies_at_or_before_now_and_the_next_after():
    for moment in ("2024-07-04T00:00", "2024-07-05T20:30", "2024-07-05T20:29"):
        assert due_before(config(), at(moment)) <= at(moment) < due_after(config(), at(moment))
    assert due_before(config(), at("2024-07-05T20:30")) == at("2024-07-05T20:30")


def test_cron_is_read_in_utc_and_includes_the_very_minute():
    daily = config(cron="0 22 * * 1-5", exchange=None)
    assert due_after(daily, at("2024-07-05T22:00")) == at("2024-07-08T22:00")
    assert due_before(daily, at("2024-07-05T22:00")) == at("2024-07-05T22:00")
    assert due_before(daily, at("2024-07-05T21:59")) == at("2024-07-04T22:00")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cron": "0 25 * * *", "exchange": None}, "schedule.cron must be five fields"),
        ({"cron": "* * * * * *", "exchange": None}, "schedule.cron must be five fields"),
        (
            {"cron": "R * * * *", "exchange": None},
            r"schedule.cron must be five fields.*'0 22 \* \* 1-5', was 'R \* \* ",
        ),
        ({"cron": "R(0-5) * * * *", "exchange": None}, "schedule.cron must be five fields"),
        (
            {"cron": "0 0 30 2 *", "exchange": None},
            r"must name a day that comes, and '0 0 30 2 \*' names none within 50",
        ),
        ({"exchange": "XXXX"}, "schedule.exchange must be an exchange such as XNYS or CMES, was 'XXXX'"),
        (
            {"exchange": "ASEX"},
            "of 'ASEX' it knows none for these weeks; update it, or give schedule.exchange=null and a",
        ),
    ],
)
def test_a_schedule_that_names_no_moment_is_refused(changes, message):
    for due in (due_after, due_before):
        with pytest.raises(RequestError, match=message):
            due(config(**changes), at("2024-01-01T00:00"))


def test_a_calendar_that_ends_with_the_year_is_followed_to_its_last_close_and_then_refused():
    calendar = exchange_calendars.get_calendar("XSHG")
    last = calendar.closes.iloc[-1].to_pydatetime() + timedelta(minutes=30)
    shanghai = config(exchange="XSHG")
    assert due_after(shanghai, last - timedelta(hours=1)) == last
    assert due_before(shanghai, last) == last
    with pytest.raises(RequestError, match="of 'XSHG' it knows none for these weeks; update it"):
        due_after(shanghai, last)


def test_a_wait_of_a_week_is_kept_and_a_longer_one_refused():
    week = 7 * 24 * 60
    assert due_after(config(minutes_after_close=week), at("2024-07-02T12:00")) == at("2024-07-02T20:00")
    assert due_before(config(minutes_after_close=week), at("2024-07-02T12:00")) == at("2024-07-01T20:00")
    with pytest.raises(ValueError, match=r"minutes_after_close\n.*less than or equal to 10080"):
        config(minutes_after_close=week + 1)


@pytest.mark.parametrize("changes", [{"cron": "0 1 * * *"}, {"exchange": None}])
def test_exactly_one_of_cron_and_exchange_is_set(changes):
    with pytest.raises(ValueError, match="cron and exchange: exactly one must be set"):
        config(**changes)


class Stopping:
    """Stands for the event of a stopping scheduler, and remembers how long it was waited for."""

    def __init__(self, *, after):
        self.pauses, self.after = [], after

    def wait(self, pause):
        self.pauses.append(pause)
        return len(self.pauses) >= self.after


def failing(*_):
    raise RuntimeError("the data are late")


@pytest.mark.parametrize(("attempts", "pauses"), [(1, [1.0]), (3, [30.0, 60.0, 1.0])])
def test_a_failed_attempt_is_repeated_after_longer_and_longer_pauses_and_the_last_reason_is_told(
    attempts, pauses, monkeypatch
):
    stopping = Stopping(after=99)
    monkeypatch.setattr(schedule, "_stopping", stopping)
    monkeypatch.setattr(schedule, "_attempt", failing)
    with pytest.raises(RuntimeError, match="the data are late"):
        schedule.retrain_step({"schedule": {"attempts": attempts}}, ".")
    assert stopping.pauses == pauses


def test_a_scheduler_that_stops_leaves_a_pause_at_once_and_the_work_undecided(monkeypatch):
    stopping = Stopping(after=2)
    monkeypatch.setattr(schedule, "_stopping", stopping)
    monkeypatch.setattr(schedule, "_attempt", failing)
    with pytest.raises(KeyboardInterrupt):
        schedule.retrain_step({"schedule": {"attempts": 5}}, ".")
    assert stopping.pauses == [30.0, 60.0]


def test_a_standard_error_that_an_earlier_caller_has_closed_is_not_spoken_to(tmp_path):
    database = Database(tmp_path)
    database.path.touch()
    gone = io.StringIO()
    with redirect_stderr(gone):
        assert retrainings(database, "prices") == []  # the first use of dbos in this process, or a later one
    gone.close()
    try:
        open_workflows(database, "prices")
    finally:
        close_workflows()
    assert retrainings(database, "prices") == []
