"""What commands say before they work: which series they read, and what was noticed of it."""

from tradewinds.core.console import Console
from tradewinds.pipeline.task import Job, OwnJob, Prepared


def say_series(job: Job, console: Console) -> None:
    """Say what is read: bars, span and age, how it was read, and notes."""
    if not isinstance(job, Prepared):
        if isinstance(job.task, OwnJob):
            console.note(job.task.told(job))
        for note in job.notes:
            console.note(f"note: {note}")
        return
    index = job.index
    console.note(f"{job.panel.name}: {len(index)} bars, {index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}; {job.age}")
    for line in job.reading:
        console.note(line)
    for note in job.notes:
        console.note(f"note: {note}")
