"""How long a backtest of 5,000 test bars takes: play, baselines, statistics, leak check, exports and page; no training.

Run: OMP_NUM_THREADS=1 python benchmarks/backtest.py. Wall and CPU seconds of the best of five. The
claim is 3 s; 3.3 were measured on 2026-11-30, since a run plays placebo worlds.
"""

import contextlib
import io
import tempfile
import time
from pathlib import Path
from typing import Any

import tradewinds.judge as stage  # the command takes it from there when it has trained
from tradewinds.__main__ import main

WORDS = (
    "run",
    "series=martingale",
    "series.bars=10091",
    "split.forecaster=0.2",
    "split.agent=0.2",
    "split.validation=0.1",
    "split.test=0.5",
    "trainer.epochs=1",
    "agent.steps=3000",
    "rollout.standard_errors=0.0",
)


def measure(times: int = 5) -> tuple[int, float, float]:
    """Return test bars, and wall and CPU seconds of the fastest of some judgements of one trained agent."""
    judged, original = [], stage.judge

    def judge(prepared: Any, *arguments: Any, run: Path, **options: Any) -> dict[str, Any]:
        outcome: dict[str, Any] = {}
        whole = prepared.opened()  # a run opens its test rows once: each judgement gets a seal of its own
        for number in range(times):
            sealed = whole.seal()
            wall, cpu = time.perf_counter(), time.process_time()
            outcome = original(sealed, *arguments, run=run.with_name(f"{run.name}-{number}"), **options)
            judged.append((time.perf_counter() - wall, time.process_time() - cpu, len(prepared.split.test)))
        return outcome

    stage.judge = judge
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        status = main([*WORDS, f"run.dir={folder}/runs"])
    if status:
        raise SystemExit(status)
    wall, cpu, bars = min(judged)
    return bars, wall, cpu


if __name__ == "__main__":
    bars, wall, cpu = measure()
    print(f"backtest of {bars} bars with all baselines and statistics: {wall:.2f} s wall, {cpu:.2f} s CPU")
