"""What a training measures, as a log for TensorBoard beside its agent; asked for by `run.tensorboard=true`.

Never inside an artifact: event files hold the time of day, so that two equal runs differ. The names are those of
`history.csv`: docs/metrics.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tradewinds.core.console import Report
from tradewinds.core.errors import RequestError

FOLDER = "tensorboard"


def require_tensorboard(*, asked: bool) -> None:
    """Refuse to begin a training whose log cannot be written.

    Raises:
        RequestError: TensorBoard is not installed.
    """
    if asked and find_spec("tensorboard") is None:
        raise RequestError(
            "run.tensorboard=true needs TensorBoard: pip install 'tradewinds[tensorboard]'; without it history.csv "
            "beside the agent holds the same numbers at each validation"
        )


@contextmanager
def logging(progress: Report, run: Path, *, asked: bool) -> Iterator[Report]:
    """Yield `progress`, which then also writes what it is told to `run`/tensorboard, flushed when the block ends."""
    if not asked:
        yield progress
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(run / FOLDER)) as writer:

        def report(done: int, total: int, metrics: Mapping[str, float]) -> None:
            progress(done, total, metrics)
            for name, value in metrics.items():
                writer.add_scalar(f"training/{name}", value, done)

        yield report


def log_history(history: Sequence[Mapping[str, float]], run: Path, *, asked: bool) -> None:
    """Add the score of every validation but those of the constant policies to the log in `run`."""
    if not asked:
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(run / FOLDER)) as writer:
        for entry in history:
            if "action" not in entry:
                writer.add_scalar("validation/score", entry["score"], int(entry["step"]))
