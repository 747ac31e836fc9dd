"""A registry and its runs as one file: brought back elsewhere they are what they were, and nothing else is brought."""

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from tradewinds.operate.registry import Registry

from championship import WORDS, signal_of


def test_a_model_that_was_lost_is_brought_back_and_wants_the_same(grown, tradewinds):
    wanted = signal_of(tradewinds)
    answer = tradewinds("models", "backup", "models.tar.gz")
    assert answer.status == 0, answer.err
    assert "1 versions and 1 runs" in answer.out
    shutil.rmtree("runs")
    assert tradewinds("signal", *WORDS).status == 2
    answer = tradewinds("models", "restore", "models.tar.gz")
    assert answer.status == 0, answer.err
    assert "champion" in answer.out
    again = signal_of(tradewinds)
    moving = {"model_age_days", "data_age_days", "data_age_bars"}
    assert {key: again[key] for key in again.keys() - moving} == {key: wanted[key] for key in wanted.keys() - moving}


def test_where_a_registry_is_nothing_is_restored_and_a_killed_restore_is_gone_on_with(grown, tradewinds):
    assert tradewinds("models", "backup", "models.tar").status == 0
    refused = tradewinds("models", "restore", "models.tar")
    assert refused.status == 2
    assert "is there, and a backup is restored where there is none" in refused.err
    Path("runs/registry.db").unlink()  # as after a kill before the last step
    assert tradewinds("models", "restore", "models.tar").status == 0
    assert Registry(Path("runs")).champion("bars").number == 1
    Path("runs/registry.db").unlink()
    next(Path("runs/bars").glob("*/agent/manifest.json")).write_text("{}", encoding="utf-8")
    other = tradewinds("models", "restore", "models.tar")
    assert other.status == 3
    assert "is another run than the backup's; restore into an empty folder" in other.err
    assert not Path("runs/registry.db").exists()


def test_a_champion_that_was_tampered_with_is_not_backed_up(grown, tradewinds):
    next(Path("runs/bars").glob("*/agent/manifest.json")).write_text("{}", encoding="utf-8")
    assert tradewinds("models", "backup", "models.tar").status in (2, 3)
    assert not Path("models.tar").exists()


def with_member(path, name, content=b"", kind=tarfile.REGTYPE, link=""):
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo(name)
        member.size, member.type, member.linkname = len(content), kind, link
        archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("../registry.db", {}, "is no backup of models: it holds '../registry.db'"),
        ("/etc/passwd", {}, "is no backup of models: it holds '/etc/passwd'"),
        ("m/20200101T000000.000000-aaaa/x", {"kind": tarfile.SYMTYPE, "link": "/etc"}, "is a link or a device"),
        ("m/20200101T000000.000000-aaaa/../../../x", {}, "cannot be read as a backup of models"),
        ("m/20200101T000000.000000-aaaa/x", {"content": b"1"}, "it holds no registry.db"),
    ],
)
def test_nothing_but_a_registry_and_runs_is_unpacked(name, options, message, tradewinds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with_member("foreign.tar", name, **options)
    answer = tradewinds("models", "restore", "foreign.tar")
    assert answer.status == 2
    assert message in answer.err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "foreign.tar"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("backup",), "models backup needs a file: tradewinds models backup backup.tar.gz"),
        (("backup", "models.zip"), "models.path must end in .tar, .tar.gz, .tgz, was 'models.zip'"),
        (("backup", "nowhere/m.tar"), "models.path must lie in a folder that is there, was 'nowhere/m.tar'"),
        (("restore", "nowhere.tar", "run.dir=empty"), "cannot be read as a backup of models (FileNotFoundError)"),
    ],
)
def test_what_is_no_file_of_models_is_refused(words, message, grown, tradewinds):
    answer = tradewinds("models", *words)
    assert answer.status == 2
    assert message in answer.err


def test_a_file_that_is_there_is_not_written_over(grown, tradewinds):
    Path("models.tar").write_text("precious", encoding="utf-8")
    assert tradewinds("models", "backup", "models.tar").status == 2
    assert Path("models.tar").read_text(encoding="utf-8") == "precious"
