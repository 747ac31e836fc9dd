"""Score and metric tables as lines of text, for a terminal or a pipe."""

from collections.abc import Iterator, Mapping
from typing import Any

VALUE_COLUMNS = (("value_mae", "mae"), ("value_rmse", "rmse"), ("value_mae_last", "mae, last"), ("n", "n"))
CHANGE_COLUMNS = (
    ("change_mae", "mae"),
    ("change_rmse", "rmse"),
    ("change_mase", "mase"),
    ("change_pinball", "pinball"),
    ("change_coverage", "coverage"),
    ("change_direction_accuracy", "direction"),
)
TESTED = (("next_bar", "next bar"), ("all_bars", "all bars ahead"), ("value_ahead", "value at the end"))
RANK_COLUMNS = (
    ("rank_ic", "rank IC"),
    ("rank_ic_t", "t"),
    ("spread_per_bar", "spread"),
    ("spread_per_bar_t", "t"),
    ("hit_rate", "hits"),
    ("change_mae", "mae"),
    ("change_mase", "mase"),
    ("n_bars", "bars"),
)
STRATEGY_COLUMNS = (
    ("total_return", "return", "{:+.1%}"),
    ("sharpe_annual_ddof1_arithmetic", "sharpe", "{:.2f}"),
    ("max_drawdown_from_start_capital", "drawdown", "{:.1%}"),
    ("turnover_per_year", "turnover/yr", "{:.1f}"),
    ("fees_paid", "fees", "{:.2%}"),
    ("exposure_mean", "exposure", "{:+.2f}"),
)


def forecast_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a report says of its forecasts: headline, scores, the tests against each rival, and the verdict."""
    data, honesty = document["data"], document["honesty"]
    yield f"forecast: {honesty['forecast_headline']}"
    several = "rank_ic" in next(iter(document["forecast"].values()))
    if several:
        yield from rank_lines(document["forecast"], "test rows")
    else:
        yield from score_lines(document["forecast"], "test rows", data["value_unit"], data["change_unit"])
    yield "Diebold-Mariano against each rival (negative: the network is better), p-value:"
    tested = TESTED[:1] if several else TESTED  # of several instruments one bar is tested, as one observation
    yield f"  {'rival':<16}" + "".join(f"{label:>20}" for _, label in tested)
    for rival, tests in honesty["diebold_mariano_by_rival"].items():
        yield f"  {rival:<16}" + "".join(f"{_test(tests[name]):>20}" for name, _ in tested)
    classes = honesty.get("classes_of_next_bar")
    if classes is not None:
        ours, usual = classes["network"], classes["climatology"]
        yield (
            f"classes of the next bar's change, {len(classes['confusion'])}: log loss {ours['log_loss']:.4f} nats "
            f"(climatology {usual['log_loss']:.4f}), Brier {ours['brier']:.4f} ({usual['brier']:.4f}), "
            f"right {ours['accuracy']:.1%} ({usual['accuracy']:.1%})"
        )
    rests = honesty.get("forecast_rests_on")
    if rests is not None and rests["by_feature"] is not None:
        first = [f"{name} {share:.0%}" for name, share in list(rests["by_feature"].items())[:5]]
        last = f"on the last bar {rests['by_bar'][0]:.0%}"
        yield f"the forecast {rests['ahead']} bars ahead rests on {', '.join(first)}; {last}"
    yield from ablation_lines(honesty)
    yield f"verdict: {honesty['forecast_verdict']}"


def ablation_lines(honesty: Mapping[str, Any]) -> Iterator[str]:
    """Yield what texts, pictures and charts were worth, where that was asked."""
    networks = (honesty.get("ablation") or {}).get("networks")
    for name, row in (networks or {}).items():
        test = row.get("against_series_only")
        beside = "" if test is None else f"; against series only (Diebold-Mariano) {_test(test['next_bar'])}"
        gain = "" if row["gain"] is None or test is None else f", {row['gain']:+.1%} of it gained"
        yield f"{name}: squared error of the next bar {row['next_bar_mse']:.4g}{gain}{beside}"


def _test(test: Mapping[str, float] | None) -> str:
    return "-" if test is None else f"{test['statistic']:+.2f}, p {test['p_value']:.2g}"


def score_lines(table: Mapping[str, Mapping[str, Any]], where: str, value_unit: str, change_unit: str) -> Iterator[str]:
    """Yield the scores of the values ahead and of the changes: one line a model, `-` for what could not be computed."""
    bars = len(next(iter(table.values()))["value_mae_by_horizon"])
    ahead = "the next bar" if bars == 1 else f"1 to {bars} bars ahead"
    heads = (
        (f"errors of the value {ahead}, {where} ({value_unit}; lower is better):", VALUE_COLUMNS),
        (f"scores of the changes bar by bar, {where} ({change_unit} a bar):", CHANGE_COLUMNS),
    )
    for head, columns in heads:
        yield head
        yield f"  {'model':<16}" + "".join(f"{label:>11}" for _, label in columns)
        for model, scores in table.items():
            yield f"  {model:<16}" + "".join(f"{_number(scores.get(name)):>11}" for name, _ in columns)


def rank_lines(table: Mapping[str, Mapping[str, Any]], where: str) -> Iterator[str]:
    """Yield how well forecasts ranked several instruments: one line a model, `-` for what could not be computed."""
    yield f"forecasts of the next bar, {where}, as rankings of the instruments of a bar (t by Newey and West):"
    yield f"  {'model':<16}" + "".join(f"{label:>11}" for _, label in RANK_COLUMNS)
    for model, scores in table.items():
        yield f"  {model:<16}" + "".join(f"{_number(scores.get(name)):>11}" for name, _ in RANK_COLUMNS)


def strategy_lines(strategies: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the metric table of a backtest: one line a strategy."""
    yield "backtest, test rows:"
    yield f"  {'strategy':<22}" + "".join(f"{label:>13}" for _, label, _ in STRATEGY_COLUMNS)
    for name, strategy in strategies.items():
        cells = (_formatted(strategy["metrics"].get(key), form) for key, _, form in STRATEGY_COLUMNS)
        yield f"  {name:<22}" + "".join(f"{cell:>13}" for cell in cells)


def _number(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.4g}" if isinstance(value, float) else "-"


def _formatted(value: object, form: str) -> str:
    if not isinstance(value, int | float):
        return "-"
    if abs(value) >= 1e3 and form.endswith("%}"):  # beyond belief, and too wide for a table
        return f"{100.0 * value:+.2e}%"
    return form.format(value)
