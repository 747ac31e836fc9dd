"""Looking for the future in the past: the real pipeline is run again in worlds that differ only after a bar.

`worlds` changes what was loaded, `stretch` prepares it anew, `trace` records every stage bar by bar, `walks` compares
two worlds, `refit` fits in both, `account` is a second ledger, and `probes` asks. Laws and limits: docs/leakage.md.
"""
