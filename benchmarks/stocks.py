"""The table of strategies on twenty stocks of the S&P 500 since 1990, which the package skfolio bundles.

`python benchmarks/stocks.py` writes their adjusted closes as one wide file into a folder of its own and types
`tradewinds run` on it, with a forecast of what each stock returns beyond the mean of all; further words are options of
the run. It prints every strategy with the interval of the agent's Sharpe ratio and lead, and the deflated Sharpe ratio,
whatever they say. The stocks were chosen by who is still there: the report warns of it. About three minutes.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

OPTIONS = (
    "series=csv", "series.path=stocks.csv", "series.symbols=all", "series.target=relative_return", "model=segment_lstm",
    "model.hidden_size=16", "trainer.windows_per_epoch=30000", "agent=direct", "agent.steps=600000",
    "env.actions=long_short_weights", "data.accept_jumps=[2000-09-29]",
)  # fmt: skip
HONESTY = (
    "sharpe_ci95", "deflated_sharpe", "probabilistic_sharpe", "strongest_rival", "lead_over_strongest_ci95",
    "stronger_rival_p_value", "forecast_headline", "leakcheck", "verdict",
)  # fmt: skip


def main(words: list[str]) -> None:
    """Print the table."""
    found = find_spec("skfolio")
    if found is None or found.origin is None:
        raise SystemExit("skfolio is not here; pip install --no-deps skfolio, of which only a file is read")
    packed = Path(found.origin).parent / "datasets" / "data" / "sp500_dataset.csv.gz"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "stocks.csv").write_bytes(gzip.decompress(packed.read_bytes()))
        command = [sys.executable, "-m", "tradewinds", "run", *OPTIONS, *words]
        done = subprocess.run(command, cwd=folder, env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ}, check=False)
        reports = list(Path(folder).glob("runs/*/*/report.json"))
        if done.returncode or not reports:
            raise SystemExit(done.returncode or 1)
        honesty = json.loads(reports[0].read_text(encoding="utf-8"))["honesty"]
    for name in HONESTY:
        print(f"{name}: {honesty.get(name)}")


if __name__ == "__main__":
    main(sys.argv[1:])
