"""The report: report.json is the one source of report.html and of every number printed."""
