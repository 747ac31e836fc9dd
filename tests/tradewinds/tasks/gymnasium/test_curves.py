"""Curves of the same request under other seeds stand beside a run's own."""

import json

import pandas as pd

from tradewinds.tasks.gymnasium.curves import band_of, curves_beside, learning_curve

ASKED = {"seed": 1, "env": {"id": "CartPole-v1", "wrappers": ()}, "agent": {"kind": "ppo"}}


def finished(folder, name, scores, *, command="run", **asked):
    run = folder / name
    (run / "agent").mkdir(parents=True)
    facts = {"run": {"command": command, "config": {**ASKED, **asked}, "seed": asked.get("seed", 1)}}
    (run / "report.json").write_text(json.dumps(facts), encoding="utf-8")
    rows = [{"step": 0, "score": 9.0, "action": 0.0}, *({"step": 10 * n, "score": s} for n, s in enumerate(scores, 1))]
    pd.DataFrame(rows).to_csv(run / "agent" / "history.csv", index=False)
    return run


def test_only_other_seeds_of_the_same_request_count_and_the_newest_of_each(tmp_path):
    run = finished(tmp_path, "4", [1.0, 5.0])
    finished(tmp_path, "1", [100.0, 100.0], seed=2)
    finished(tmp_path, "2", [3.0, 3.0], seed=2)
    finished(tmp_path, "3", [2.0, 8.0], seed=3)
    finished(tmp_path, "5", [70.0, 70.0], seed=4, agent={"kind": "dqn"})
    finished(tmp_path, "6", [70.0, 70.0], seed=5, command="backtest")
    finished(tmp_path, "7", [70.0, 70.0])  # the same seed again
    beside = curves_beside(run, ASKED)
    assert set(beside["seed"]) == {2, 3}
    own = learning_curve(pd.read_csv(run / "agent" / "history.csv"))
    assert own["step"].tolist() == [10, 20]  # the constants of step 0 are no part of it
    band = band_of(own, beside)
    assert band.to_dict("list") == {"step": [10, 20], "least": [1.0, 3.0], "median": [2.0, 5.0], "most": [3.0, 8.0]}


def test_a_seed_alone_has_no_band(tmp_path):
    run = finished(tmp_path, "1", [1.0, 2.0])
    beside = curves_beside(run, ASKED)
    assert beside.empty
    assert band_of(learning_curve(pd.read_csv(run / "agent" / "history.csv")), beside).empty
