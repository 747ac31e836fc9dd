"""A training that was interrupted goes on from the command line and ends as if it had not been."""

import pytest

from forecaster.training.trainer import EpochLog
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


@pytest.mark.parametrize("command", ["train-forecaster", "run"])
def test_an_interrupted_forecaster_goes_on_by_what_it_said(command, tradewinds, tmp_path, monkeypatch):
    write_bars(tmp_path / "mine.csv", 600)
    words = ("series=csv", "series.path=mine.csv", *FAST_CSV, "trainer.epochs=4")
    assert tradewinds("train-forecaster", *words).status == 0
    (whole,) = tmp_path.glob("runs/*/*/forecaster")
    end = EpochLog.on_train_epoch_end

    def power_cut(self, trainer, pl_module):
        if len(self.epoch_losses) == 2:
            raise KeyboardInterrupt
        end(self, trainer, pl_module)

    monkeypatch.setattr(EpochLog, "on_train_epoch_end", power_cut)
    cut = tradewinds(command, *words)
    assert cut.status != 0
    assert "to go on: tradewinds train-forecaster with the same options and inputs.resume=" in cut.err
    (option,) = [word for word in (cut.out + cut.err).split() if word.startswith("inputs.resume=")]
    monkeypatch.setattr(EpochLog, "on_train_epoch_end", end)
    other = tradewinds(command, *words, "model.hidden_size=9", option)
    assert other.status == 2
    assert "inputs.resume: model.hidden_size must stay 8 to resume" in other.err
    other = tradewinds(command, *words, "seed=8", option)
    assert other.status == 2
    assert "inputs.resume: seed must stay what it was to resume" in other.err
    answer = tradewinds(command, *words, option)
    assert answer.status == 0, answer.err
    resumed = sorted(tmp_path.glob("runs/*/*/forecaster"))[-1]
    assert resumed != whole
    for name in ("weights.safetensors", "forecaster.json"):
        assert (resumed / name).read_bytes() == (whole / name).read_bytes()
    assert not (resumed.parent / "forecaster.checkpoint").exists()  # the artifact is whole
    agents = tradewinds("train-agent", *words, option)
    assert agents.status == 2
    assert "is of one of the forecaster; type tradewinds train-forecaster" in agents.err


def test_a_checkpoint_that_a_command_would_not_read_is_refused(tradewinds, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "identity.json").write_text("{}")
    answer = tradewinds("walk-forward", "inputs.resume=there")
    assert answer.status == 2
    assert (
        "inputs.resume is read by train-forecaster, run, classify, train-agent, and walk-forward does without"
        in answer.err
    )
    days = ("series=houston", "env=battery", "model=day_lstm", "trainer=days")
    answer = tradewinds("train-forecaster", *days, "inputs.resume=there")
    assert answer.status == 2
    assert "inputs.resume must be null for model=day_lstm, whose first fit is not written down" in answer.err
    answer = tradewinds("run", "env=gymnasium", "agent=ppo", "inputs.resume=there")
    assert answer.status == 2
    assert "inputs.resume must name the checkpoint of a training of the agent here" in answer.err
