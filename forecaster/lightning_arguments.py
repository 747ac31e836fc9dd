"""Which arguments of `pytorch_lightning.Trainer` a request may set (`trainer.lightning`), and which are ours.

Reads Lightning's signature from its source, so that a misspelled name is refused before anything heavy is loaded.
"""

import ast
import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ONE_DEVICE = "a network is trained on one device; trainer.members and walk_forward.workers train several side by side"
OURS = {
    "max_epochs": "trainer.epochs sets it",
    "precision": "trainer.precision sets it",
    "callbacks": "trainer.callbacks names them",
    "logger": "run.loggers names them",
    "default_root_dir": "run.dir sets where results go",
    "devices": ONE_DEVICE,
    "num_nodes": ONE_DEVICE,
    "strategy": ONE_DEVICE,
    "use_distributed_sampler": ONE_DEVICE,
    "sync_batchnorm": ONE_DEVICE,
    "plugins": "trainer.precision and inputs.resume set what they would",
    "enable_checkpointing": "every epoch of a command is written down, and inputs.resume goes on from it",
    "enable_progress_bar": "every command shows its own",
    "enable_model_summary": "standard output is for results",
    "num_sanity_val_steps": "the stop rows are looked at after each epoch",
    "val_check_interval": "the stop rows are looked at after each epoch; trainer.windows_per_epoch sets its length",
    "check_val_every_n_epoch": "the stop rows are looked at after each epoch, since they choose the best one",
    "fast_dev_run": "trainer.epochs=1 is as fast, with few batches (limit_train_batches)",
    "barebones": "it would leave out the losses that choose the best epoch",
    "profiler": "python -m cProfile profiles a whole command",
    "model_registry": "our registry keeps what retrain makes",
    "enable_autolog_hparams": "run.loggers writes the settings",
}
BATCHES = ("limit_train_batches", "limit_val_batches")  # without any there is no loss, and no best epoch


@cache
def trainer_arguments() -> tuple[str, ...]:
    """Return the names of the arguments of Lightning's Trainer, without importing it."""
    spec = find_spec("pytorch_lightning")  # of a package on top this imports nothing
    assert spec is not None
    assert spec.origin is not None
    source = (Path(spec.origin).parent / "trainer" / "trainer.py").read_text(encoding="utf-8")
    trainer = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "Trainer")
    start = next(node for node in trainer.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    return tuple(argument.arg for argument in (*start.args.args[1:], *start.args.kwonlyargs))


def faults(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each argument that Lightning does not know, or that another key sets."""
    for name, value in arguments.items():
        if name in OURS:
            yield f"lightning must leave {name} out: {OURS[name]}"
        elif name not in trainer_arguments():
            free = [known for known in trainer_arguments() if known not in OURS]
            near = difflib.get_close_matches(name, free, n=1, cutoff=0.6)
            cure = f"did you mean '{near[0]}'?" if near else f"allowed: {', '.join(free)}"
            yield f"lightning must hold arguments of pytorch_lightning.Trainer, was '{name}'; {cure}"
        elif name in BATCHES and value == 0:
            yield f"lightning must leave {name} above 0: without batches there is no loss to choose an epoch by"
