"""The numbers in README.md: runs what `make run` ships, keeps what came of it in docs/numbers.json, writes the table.

Run: OMP_NUM_THREADS=1 python benchmarks/readme.py, half an hour; behind it names of rows, such as netherlands, and only
these are run. With `table`, only the table is written anew from docs/numbers.json. tests/package/test_readme_numbers.py
fails when README.md and docs/numbers.json disagree, or when configuration or data are no longer those that were run.
"""

import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tradewinds.__main__ import main
from tradewinds.report.render import shown

ROOT = Path(__file__).resolve().parents[1]
README, NUMBERS = ROOT / "README.md", ROOT / "docs" / "numbers.json"
BEGIN, END = "<!-- numbers: made by benchmarks/readme.py -->", "<!-- end of numbers -->"
RUNS = {
    "sp500": (),
    "currencies": ("experiment=currencies",),
    "houston_weather": ("experiment=houston_weather",),
    "netherlands": ("experiment=netherlands",),
    "temperature": ("experiment=temperature",),
}
RULES = ("buy_and_hold", "equal_weight_monthly", "inverse_volatility", "minimum_variance", "momentum")
TENTHS = ("forecast_tenths", "ridge_tenths")


def measure(names: Iterable[str]) -> dict[str, Any]:
    """Run these rows in a folder of their own, as a newcomer would, and return what the table tells of them."""
    numbers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            started = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                status = main(["run", *RUNS[name], f"run.dir={folder}/{name}"])
            if status:
                raise SystemExit(status)
            (path,) = Path(folder).glob(f"{name}/*/*/report.json")
            report = json.loads(path.read_text(encoding="utf-8"))
            numbers[name] = facts_of(report) | {"seconds": round(time.perf_counter() - started, 1)}
    return numbers


def facts_of(report: dict[str, Any]) -> dict[str, Any]:
    """Return what the table tells of a run, and what it hangs on."""
    data, honesty = report["data"], report["honesty"]
    kept = ("total_return", "sharpe_annual_ddof1_arithmetic", "profit", "share_of_perfect_foresight")
    strategies = (report["backtest"] or {"strategies": {}})["strategies"]
    return {
        "config": report["run"]["config"],
        "data_sha256": data["sha256"],
        "model": report["run"]["config"]["model"]["kind"],
        "agent": report["run"]["config"]["agent"]["kind"],
        "unit": data["price_unit"],
        "first": data.get("first_delivery", data["splits"]["test"]["first"])[:10],
        "last": data.get("last_delivery", data["splits"]["test"]["last"])[:10],
        "strategies": {
            name: {key: one["metrics"][key] for key in kept if key in one["metrics"]}
            for name, one in strategies.items()
        },
        "horizon": report["run"]["config"]["model"]["horizon"],
        **{
            key: {name: one[key] for name, one in report["forecast"].items() if key in one}
            for key in ("value_mae", "value_mae_last", "rank_ic", "rank_ic_t")
        },
        "value_unit": data.get("value_unit", data["price_unit"]),
        "sharpe_ci95": honesty.get("sharpe_ci95"),
        "leakcheck": honesty.get("leakcheck"),
    }


def table(numbers: dict[str, Any]) -> str:
    """Return the table of README.md, markers included."""
    rows = [
        _traded(numbers["sp500"]),
        _universe(numbers["currencies"]),
        _stored(numbers["houston_weather"], "houston_weather", "a battery in Texas"),
        _stored(numbers["netherlands"], "netherlands", "a battery in the Netherlands"),
        _forecast(numbers["temperature"]),
    ]
    head = "| command | test span | agent | beside it | mean absolute error of the value ahead |\n|---|---|---|---|---|"
    leaks = {one["leakcheck"] for one in numbers.values()}
    said = "clean" if leaks == {"clean"} else ", ".join(map(str, leaks))
    return "\n".join([BEGIN, head, *rows, "", f"Leak check of all five: {said}.", END])


def _traded(one: dict[str, Any]) -> str:
    agent, others = one["strategies"]["agent"], one["strategies"]
    interval = one["sharpe_ci95"]
    luck = "" if interval is None else f" (95 %: {shown(interval)})"
    said = f"{_percent(agent)}, Sharpe {shown(agent['sharpe_annual_ddof1_arithmetic'])}{luck}"
    best = _best(others, "total_return", ("forecast_sign", "plan_on_forecast", "random_same_turnover"))
    beside = f"buy and hold {_percent(others['buy_and_hold'])}, best rule ({_plain(best)}) {_percent(others[best])}"
    return _row("tradewinds run", "S&P 500, daily", one, said, beside, _errors(one))


def _universe(one: dict[str, Any]) -> str:
    others, agent = one["strategies"], one["strategies"]["agent"]
    said = f"{_percent(agent)}, Sharpe {shown(agent['sharpe_annual_ddof1_arithmetic'])}"
    best = _best(others, "total_return", (*RULES, *TENTHS))
    beside = (
        f"equal weights held {_percent(others['buy_and_hold'])}, best rule ({_plain(best)}) {_percent(others[best])}"
    )
    names = [name for name, value in one["rank_ic"].items() if value is not None]
    told = ", ".join(f"{_plain(name)} {one['rank_ic'][name]:+.3f} (t {one['rank_ic_t'][name]:.1f})" for name in names)
    return _row("tradewinds run experiment=currencies", "34 currencies, daily", one, said, beside, f"rank IC: {told}")


def _stored(one: dict[str, Any], experiment: str, what: str) -> str:
    profits = {name: shown(strategy["profit"], "money") for name, strategy in one["strategies"].items()}
    share = shown(one["strategies"]["agent"]["share_of_perfect_foresight"], "percent")
    plans = tuple(name for name in one["strategies"] if name.startswith(("plan_on", "yesterdays")))
    best = _best(one["strategies"], "profit", plans)
    beside = f"best rule ({_plain(best)}) {profits[best]}, perfect foresight {profits['perfect_foresight']}"
    said = f"{profits['agent']} {one['unit'].split('/')[0]}, {share} of perfect foresight"
    errors = _errors(one)
    return _row(f"tradewinds run experiment={experiment}", what, one, said, beside, errors)


def _best(strategies: dict[str, Any], key: str, names: tuple[str, ...]) -> str:
    """Return which rule did best on the test span, which is known only afterwards."""
    return max(names, key=lambda name: float(strategies[name][key]))


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _forecast(one: dict[str, Any]) -> str:
    errors = _errors(one)
    return _row("tradewinds run experiment=temperature", "a plant's air, hourly", one, "not traded", "", errors)


def _row(command: str, what: str, one: dict[str, Any], said: str, beside: str, errors: str) -> str:
    return f"| `{command}`: {what} | {one['first']} to {one['last']} | {said} | {beside} | {errors} |"


def _percent(metrics: dict[str, Any]) -> str:
    return shown(metrics["total_return"], "percent")


def _errors(one: dict[str, Any]) -> str:
    """Tell the error of the value ahead: at the last bar, or, of whole days, over all their hours."""
    key = "value_mae" if "yesterday" in one["value_mae"] else "value_mae_last"
    names = [name for name in (one["model"], "ridge", "naive", "yesterday") if name in one[key]]
    told = ", ".join(f"{_plain(name)} {shown(one[key][name])}" for name in names)
    ahead = "the next day's hours" if key == "value_mae" else f"{one['horizon']} bars ahead"
    return f"{told} {one['value_unit']}, {ahead}"


def with_table(readme: str, numbers: dict[str, Any]) -> str:
    """Return README.md with the table of `numbers` between its markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + table(numbers) + after


if __name__ == "__main__":
    wanted = sys.argv[1:]
    if unknown := [name for name in wanted if name not in (*RUNS, "table")]:
        raise SystemExit(f"rows must be of {', '.join(RUNS)}, or table to run none, was {', '.join(unknown)}")
    found = json.loads(NUMBERS.read_text(encoding="utf-8"))
    if wanted != ["table"]:
        found |= measure(wanted or RUNS)
        NUMBERS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    README.write_text(with_table(README.read_text(encoding="utf-8"), found), encoding="utf-8")
    print(table(found))
