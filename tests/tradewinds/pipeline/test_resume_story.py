"""A training that was interrupted goes on from the command line and ends as if it had not been."""

import pytest

from trading_agent.common.loop import Selection

from story import FAST_CSV, write_bars

SHORT = {"dqn": "agent.learning_starts=100", "ppo": "agent.num_envs=8", "direct": "agent.num_envs=8"}


@pytest.mark.parametrize("agent", SHORT)
def test_an_interrupted_training_goes_on_by_what_it_said(agent, tradewinds, tmp_path, monkeypatch):
    write_bars(tmp_path / "mine.csv", 600)
    few = [word for word in FAST_CSV if not word.startswith("agent.")]
    words = ("series=csv", "series.path=mine.csv", *few, f"agent={agent}", SHORT[agent])
    words += ("agent.steps=4000", "agent.validate_every=1000")
    assert tradewinds("train-forecaster", *words).status == 0
    assert tradewinds("train-agent", *words).status == 0
    whole = sorted(tmp_path.glob("runs/*/*/agent"))[-1]
    consider = Selection.consider

    def power_cut(self, step, policy, metrics):
        if step > 2_500:
            raise KeyboardInterrupt
        consider(self, step, policy, metrics)

    monkeypatch.setattr(Selection, "consider", power_cut)
    cut = tradewinds("train-agent", *words)
    assert cut.status != 0
    (option,) = [word for word in (cut.out + cut.err).split() if word.startswith("inputs.resume=")]
    monkeypatch.setattr(Selection, "consider", consider)
    assert tradewinds("train-agent", *words, option).status == 0
    resumed = sorted(tmp_path.glob("runs/*/*/agent"))[-1]
    assert resumed != whole
    for name in ("policy.safetensors", "policy.json", "history.csv"):
        assert (resumed / name).read_bytes() == (whole / name).read_bytes()
