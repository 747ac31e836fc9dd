"""The status of a model in words: lines for a person, samples for Prometheus. Must not know how it is found out."""

from typing import Any

GAUGES = {  # of Prometheus: name, where its value stands, what it is
    "tradewinds_champion_version": (("champion", "version"), "number of the model in use"),
    "tradewinds_champion_age_days": (("champion", "age_days"), "days since it was made"),
    "tradewinds_data_age_days": (("data", "age_days"), "days since the last bar closed"),
    "tradewinds_data_bars_missed": (("data", "bars_missed"), "bars of the calendar that closed since"),
    "tradewinds_retrain_failures": (("jobs", "failures"), "retrainings in a row that failed"),
    "tradewinds_drift_statistic": (("drift", "statistic"), "of forecasts that the champion never learned from"),
    "tradewinds_drift_bound": (
        ("drift", "bound"),
        "of that statistic, beyond which a change that matters is an alarm",
    ),
}


def lines_of(status: dict[str, Any]) -> list[str]:
    """Return a line each on model, data, jobs and drift."""
    champion, data, jobs, drift = (status[name] for name in ("champion", "data", "jobs", "drift"))
    lines = [f"model {status['model']}: no champion"]
    if champion is not None:
        lines = [
            f"model {status['model']}: version {champion['version']}, {champion['age_days']:.1f} days old, made from "
            f"data up to {champion['data_last'][:16]}; {champion['verdict']}"
        ]
    missed = data.get("bars_missed")
    if data["last_close"] is not None:
        since = data["reason"] if missed is None else f"{missed} bars of its calendar have closed since"
        lines.append(f"data: the last bar closed {data['last_close'][:16]}, {data['age_days']:.1f} days ago; {since}")
    last = jobs["last"]
    ran = "no scheduler has run" if last is None else f"the last retraining, due {last['due'][:16]}: {last['state']}"
    said = "" if last is None or not last["said"] else f", {last['said']}"
    lines.append(f"jobs: {ran}{said}; next due {jobs['next_due'][:16]} UTC")
    if "statistic" in drift:
        lines.append(_drift(drift))
    else:
        lines.append(f"drift: not told, {drift['reason']}")
    return lines


def _drift(drift: dict[str, Any]) -> str:
    if drift["alarm"] is not None:
        verdict = "an alarm"
    elif drift["statistic"] > drift["bound"]:
        verdict = f"no alarm all the same, since less than {drift['matters_from']:.2f} more error does not matter"
    else:
        verdict = "no alarm"
    then, late = drift["relative_loss_then"], drift["relative_loss_of_late"]
    return (
        f"drift: {drift['statistic']:.1f} after {drift['forecasts']} forecasts that it never learned from, bound "
        f"{drift['bound']:.0f}; error beyond that of a rule without skill, as a share of it: {late:+.3f} of late, "
        f"{then:+.3f} when it was chosen: {verdict}"
    )


def metrics_of(status: dict[str, Any]) -> list[str]:
    """Return the text exposition format, one sample a gauge; what is not known is left out."""
    label, lines = f'{{model="{status["model"]}"}}', []
    for name, ((part, key), words) in GAUGES.items():
        value = (status[part] or {}).get(key)
        if value is not None:
            lines += [f"# HELP {name} {words}", f"# TYPE {name} gauge", f"{name}{label} {value}"]
    if "statistic" in (status["drift"] or {}):
        name = "tradewinds_drift_alarm"
        value = int(status["drift"]["alarm"] is not None)
        lines += [f"# HELP {name} 1 where the forecasts have drifted", f"# TYPE {name} gauge", f"{name}{label} {value}"]
    name = "tradewinds_alarms"
    lines += [f"# HELP {name} reasons to look", f"# TYPE {name} gauge", f"{name}{label} {len(status['alarms'])}"]
    return lines
