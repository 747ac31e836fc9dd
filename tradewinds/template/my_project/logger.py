"""A logger of trainings: a line of JSON for each report, beside the run."""

import json
from collections.abc import Mapping
from typing import Any

from pytorch_lightning.loggers import Logger

from tradewinds.pipeline.loggers import Logged


class JsonLines(Logger):
    """Writes `forecaster.jsonl` and `agent.jsonl` into the run's folder."""

    def __init__(self, training: Logged) -> None:
        super().__init__()
        self.training = training
        self.file = training.run / f"{training.part}.jsonl"

    @property
    def name(self) -> str:
        """The run's name."""
        return self.training.name

    @property
    def version(self) -> str:
        """The run's id."""
        return self.training.run.name

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Keep nothing: the manifest has them."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write a line."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **metrics}) + "\n")
