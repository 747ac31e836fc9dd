"""Looking for the future in the past: the real pipeline is run again in worlds that differ only after a bar.

`worlds` changes what was loaded, `stretch` prepares it anew, `trace` records every stage bar by bar, `walks` compares
two worlds, `refit` fits in both, and `probes` asks. `audit` says of every number when it was known: `columns` is its
table, `stamps` and `second_reading` its clocks, `input_audit`, `label_audit`, `agent_audit` and `score_audit` its
parts. Laws and limits: docs/leakage.md.
"""
