"""Looking for the future in the past: the real pipeline is run again in worlds that differ only after a bar.

`worlds` changes what was loaded, `trace` records every stage bar by bar, `account` is a second ledger, `probes` asks
the five questions. Laws and limits: docs/leakage.md.
"""
