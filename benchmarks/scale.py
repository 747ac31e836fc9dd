"""Many small fits, here and on a cluster whose node is killed: python benchmarks/scale.py [PARTS] [count=2000].

overhead   what a task that does nothing costs on each executor, and the memory of this process as tasks grow in number
fits       `count` LSTMs of synthetic symbols, here and on a cluster of Ray with two nodes, one of which is killed at a
           random moment: whether all weights are there and the same, byte for byte
sweep      what a run of `-m` costs beside that

Needs the extra `scale`; all parts by default. Wall time depends on who else is at work: seconds of processor time, of
this process and all that it started, stand beside it.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np

from tradewinds.core.executor import Executor, executor_of
from tradewinds.core.executor_config import ExecutorConfig

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # before it: tests has folders of the packages' names

from clusters import TwoNodes, two_nodes

FAR = 250_000  # 5,000 symbols, five seeds, ten folds
BARS, CONTEXT, STEPS = 72, 8, 5
SWEPT = (
    "series=ar1", "series.bars=400", "model.hidden_size=4", "model.context_length=16", "trainer.epochs=1",
)  # fmt: skip


def nothing(task: int) -> int:
    return task


def fit(folder: str, symbol: int) -> int:
    """Fit an LSTM to a symbol's synthetic returns, unless its weights are there."""
    import torch
    from safetensors.torch import save

    from forecaster.config import ModelConfig
    from forecaster.networks.base import build_network
    from tradewinds.core.files import write_bytes
    from tradewinds.data.providers.synthetic import ar1

    path = Path(folder, f"{symbol}.safetensors")
    if path.exists():
        return symbol
    torch.set_num_threads(1)
    torch.manual_seed(symbol)
    returns = np.diff(ar1(np.random.default_rng(symbol), BARS, phi=0.5, sigma=0.01)) / 0.01
    windows = np.lib.stride_tricks.sliding_window_view(returns, CONTEXT + 1).astype(np.float32).copy()
    context, target = torch.from_numpy(windows[:, :-1, None]), torch.from_numpy(windows[:, -1])
    config = ModelConfig(kind="lstm", context_length=CONTEXT, horizon=1, hidden_size=4)
    network = build_network(config, 1, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(network(context)[0].reshape(-1), target)
        loss.backward()
        optimizer.step()
    write_bytes(path, save(dict(network.state_dict())))
    return symbol


def megabytes() -> float:
    """Return the memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def milliseconds(executor: Executor, count: int) -> float:
    """Return what each of so many tasks that do nothing takes, once processes are there."""
    with executor.results_of(nothing, range(count + 50), workers=2, threads=1) as results:
        for _ in range(50):
            next(results)
        begun = time.perf_counter()
        assert sum(1 for _ in results) == count
    return 1000.0 * (time.perf_counter() - begun) / count


def overhead(name: str, executor: Executor) -> float:
    costs, sizes = [], []
    for count in (500, 2000, 5000):
        costs.append(milliseconds(executor, count))
        sizes.append(megabytes())
    told = ", ".join(f"{size:.0f} MB after {count}" for count, size in zip((500, 2000, 5000), sizes, strict=True))
    print(f"{name}: {min(costs):.2f} to {max(costs):.2f} ms a task of nothing; this process: {told}", flush=True)
    return float(np.median(costs))


def fits(executor: Executor, folder: Path, count: int, nodes: TwoNodes | None = None) -> float:
    """Fit all symbols, on a cluster with its second node killed at a random moment; return the seconds taken."""
    folder.mkdir()
    moment = int(np.random.default_rng().integers(count // 5, 4 * count // 5)) if nodes else -1
    begun, done = time.perf_counter(), 0
    with executor.results_of(fit, range(count), workers=2, shared=(str(folder),), threads=1) as results:
        for done, _ in enumerate(results, start=1):
            if done == moment:
                nodes.kill()
                print(f"  a node was killed after {done} of {count} fits", flush=True)
    seconds = time.perf_counter() - begun
    assert done == count
    return seconds


def same(here: Path, there: Path) -> tuple[int, int]:
    """Return how many weights are there, and how many of them are those of here."""
    names = sorted(path.name for path in here.glob("*.safetensors"))
    found = [name for name in names if (there / name).exists()]
    return len(found), sum((here / name).read_bytes() == (there / name).read_bytes() for name in found)


def sweep() -> None:
    """Print what each further run of `-m` takes, of the smallest command that fits a network."""
    walls, cores = [], []
    for runs in (2, 4):
        with TemporaryDirectory() as folder:
            words = ("train-forecaster", "-m", *SWEPT, f"seed=range(0,{runs})")
            before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "tradewinds", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            walls.append(time.perf_counter() - begun)
            cores.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    wall, core = ((later - sooner) / 2.0 for sooner, later in (walls, cores))
    print(
        f"train-forecaster -m: {wall:.1f} s a run, {core:.1f} s of a core: {FAR:,} of them are "
        f"{core * FAR / 3600:,.0f} hours of a core",
        flush=True,
    )


def main(parts: Sequence[str], count: int) -> None:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if {"overhead", "fits"} & set(parts):
            with two_nodes() as nodes:
                cluster = executor_of(ExecutorConfig(kind="ray", address=nodes.address), str(folder / "there"))
                measure("ray, two nodes", cluster, folder / "there", parts, count, nodes)
            measure("local", executor_of(ExecutorConfig(), "."), folder / "here", parts, count)
        if "fits" in parts:
            found, alike = same(folder / "here", folder / "there")
            print(f"{found} of {count} weights of the cluster are there, {alike} the same byte for byte", flush=True)
        if "sweep" in parts:
            sweep()


def measure(
    name: str, executor: Executor, folder: Path, parts: Sequence[str], count: int, nodes: TwoNodes | None = None
) -> None:
    if "fits" in parts:
        seconds = fits(executor, folder, count, nodes)
        print(f"{name}: {count} fits in {seconds:.0f} s, {1000 * seconds / count:.1f} ms each", flush=True)
    if "overhead" in parts:
        if nodes is not None:
            nodes.complete()
        cost = overhead(name, executor)
        print(f"  {FAR:,} tasks: {cost * FAR / 60_000:.0f} minutes of handing out", flush=True)


if __name__ == "__main__":
    words = dict(word.split("=") for word in sys.argv[1:] if "=" in word)
    named = [word for word in sys.argv[1:] if "=" not in word]
    main(named or ["overhead", "fits", "sweep"], int(words.get("count", "2000")))
