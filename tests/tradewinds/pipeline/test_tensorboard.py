"""`run.tensorboard=true`: what a training says is logged beside the agent, or the request is refused at once."""

import json

import pytest

from tradewinds.pipeline import tensorboard

WORDS = (
    "train-agent",
    "env=gymnasium",
    "env.id=CartPole-v1",
    "agent=ppo",
    "agent.steps=4096",
    "agent.num_envs=8",
    "agent.validate_every=1024",
    "run.tensorboard=true",
    "--json",
)


def test_what_a_training_says_is_logged_and_the_artifact_does_not_hold_it(tradewinds, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    answer = tradewinds(*WORDS)
    assert answer.status == 0, answer.err
    (folder,) = tmp_path.glob("runs/*/*/tensorboard")
    log = EventAccumulator(str(folder))
    log.Reload()
    assert set(log.Tags()["scalars"]) >= {"training/policy_loss", "training/best_score", "validation/score"}
    best = json.loads(answer.out.splitlines()[-1])["validation_score"]
    assert max(event.value for event in log.Scalars("validation/score")) == pytest.approx(best, rel=1e-6)
    outputs = json.loads((folder.parent / "agent/manifest.json").read_text(encoding="utf-8"))["outputs"]
    assert set(outputs) == {"history.csv", "policy.json", "policy.safetensors"}


def test_without_tensorboard_the_request_is_refused_before_anything_is_written(tradewinds, tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    answer = tradewinds(*WORDS)
    assert answer.status == 2
    assert "run.tensorboard=true needs TensorBoard: pip install 'tradewinds[tensorboard]'" in answer.err
    assert not (tmp_path / "runs").exists()
