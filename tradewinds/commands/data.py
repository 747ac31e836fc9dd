"""`tradewinds data list|verify|inspect`: what is shipped, whether it is what it was, what is understood of a series."""

from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import GateError
from tradewinds.data.providers.sample_catalogue import list_samples, verify_samples
from tradewinds.request.schema import Config


def main(config: Config, console: Console, action: str) -> dict[str, Any]:
    """List the sample series, recompute their checksums, or say what a run would read."""
    if action == "inspect":
        return _inspect(config, console)
    samples = list_samples()
    if action == "list":
        for sample in samples:
            console.result(f"{sample.name:<28}{sample.rows:>7} rows  {sample.first} .. {sample.last}  {sample.licence}")
            console.result(f"{'':<28}{sample.title}")
        return {"samples": [sample.name for sample in samples]}
    findings = verify_samples()
    if findings:
        raise GateError("sample data differ from their sidecars: " + "; ".join(findings))
    console.result(f"{len(samples)} sample series verified: rows, spans and sha256 are as their sidecars say")
    return {"verified": len(samples)}


def _inspect(config: Config, console: Console) -> dict[str, Any]:
    from tradewinds.data import load_series
    from tradewinds.data.inspection import inspect, lines

    loaded = load_series(config.series, config.weather, config.data, senses=config.senses)
    for line in lines(loaded, config.data):
        console.result(line)
    return inspect(loaded, config.data)
