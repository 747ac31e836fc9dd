"""A section of the page: the agent's best and worst bars."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

NUMBER = 5


def best_and_worst_bars(document: Mapping[str, Any], folder: Path) -> str:
    """Return a table, as HTML, of the bars in which the agent's equity rose and fell most.

    Args:
        document: report.json.
        folder: of the artifact behind it; a trading account's has `equity.parquet`, a column a strategy.
    """
    file = folder / "equity.parquet"
    if not file.is_file():
        return "<p>Nobody acted: there are no bars to tell of.</p>"
    returns = pd.read_parquet(file)["agent"].pct_change().dropna().sort_values()
    told = pd.concat([returns.iloc[: -NUMBER - 1 : -1], returns.iloc[:NUMBER]])
    cells = (f"<tr><td>{time:%Y-%m-%d %H:%M}</td><td>{value:+.2%}</td></tr>" for time, value in told.items())
    return f"<table><tr><th>bar</th><th>return of the agent</th></tr>{''.join(cells)}</table>"
