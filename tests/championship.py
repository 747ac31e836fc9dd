"""What the stories of retraining share: a market that grows, the words that retrain on it, and what it says."""

import json

from story import FAST_CSV, write_bars

WORDS = ("series=csv", "series.path=bars.csv", "signal.max_age=null", *FAST_CSV)
RUN_HERE = ("schedule.once=true", "schedule.exchange=null", "schedule.cron='0 0 1 1 *'")  # the last due moment, once


class Market:
    """A file of daily bars; a call with more of them lets time pass."""

    def __init__(self, folder):
        self.file = folder / "bars.csv"
        write_bars(self.file, num_bars=700)
        self.lines = self.file.read_text().splitlines(keepends=True)
        self(450)

    def __call__(self, count):
        self.file.write_text("".join(self.lines[: count + 1]))

    def change(self, row, factor):
        """Multiply the prices of a bar of the whole history; its date is returned."""
        date, *prices = self.lines[row + 1].split(",")
        self.lines[row + 1] = ",".join([date, *(repr(float(price) * factor) for price in prices)]) + "\n"
        return date


def signal_of(typed, *words):
    """Return what the champion wants."""
    answer = typed("signal", *WORDS, *words)
    assert answer.status == 0, answer.err
    return json.loads(answer.out)
