"""What a classification cannot be asked, by the request alone. Light: imports no torch."""

from forecaster.config import FORESEEING, POOLED, UNREAD_OF_CASES, TrainerConfig
from tradewinds.core.errors import RequestError
from tradewinds.request.schema import Config

OF_FORECASTS = {"linear_base": False, "linear_skip": False, "normalisation": "none", "head": "point", "scaling": "rows",
                "pretrained": None}  # fmt: skip


def refuse_classification(config: Config) -> None:
    """Refuse a network that reads what a case has not, and settings that would not be read.

    Raises:
        RequestError: every fault, joined.
    """
    model, usual, faults = config.model, TrainerConfig(), []
    if model.kind in FORESEEING:
        faults.append(f"model must be a network that reads one sequence, such as lstm or gru, was {model.kind}")
    if config.env.pooling and model.kind not in POOLED:
        faults.append(f"model must be {' or '.join(POOLED)} where env.pooling reads all states, was {model.kind}")
    faults += [
        f"model.{name} is of forecasts, and classes are told by a softmax; leave it out"
        for name, value in OF_FORECASTS.items()
        if getattr(model, name) != value
    ]
    faults += [
        f"trainer.{name} is of forecasts, and a classifier does without; leave it out"
        for name in UNREAD_OF_CASES
        if getattr(config.trainer, name) != getattr(usual, name)
    ]
    if faults:
        raise RequestError("; ".join(faults))
