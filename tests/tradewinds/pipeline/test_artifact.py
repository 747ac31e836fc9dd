"""An artifact is whole and proven, or it is not there."""

import json
import os

import pytest

from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.files import write_json, write_text
from tradewinds.pipeline.artifact import latest, new_run_id, parent, read, sweep_partials, writing

CONFIG = {"seed": 1}


def make(folder, kind="thing", parents=None, text="content"):
    with writing(folder, kind, config=CONFIG, inputs={"sha256": "x"}, parents=parents) as inside:
        (inside / "file.txt").write_text(text)
    return read(folder, kind)


def test_an_artifact_is_read_back_with_what_was_said_of_it(tmp_path):
    artifact = make(tmp_path / "runs" / "a" / "thing")
    assert artifact.manifest["seed"] == 1
    assert set(artifact.manifest["outputs"]) == {"file.txt"}
    assert {"created_at", "config", "inputs", "parents", "versions"} <= set(artifact.manifest)
    assert make(tmp_path / "b", text="other").sha256 != artifact.sha256


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failed_writing_leaves_nothing_not_even_its_folders(error, tmp_path):
    def write_half():
        with writing(tmp_path / "runs" / "a" / "thing", "thing", config=CONFIG, inputs={}) as inside:
            (inside / "file.txt").write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_until_it_is_whole_an_artifact_is_not_there(tmp_path):
    with writing(tmp_path / "a" / "thing", "thing", config=CONFIG, inputs={}) as inside:
        (inside / "file.txt").write_text("half")
        assert not (tmp_path / "a" / "thing").exists()
        with pytest.raises(RequestError, match="no thing under"):
            latest(tmp_path, "thing")
    assert latest(tmp_path, "thing") == tmp_path / "a" / "thing"


def test_artifacts_are_never_overwritten(tmp_path):
    make(tmp_path / "thing")
    with pytest.raises(FileExistsError, match="never overwritten"):
        make(tmp_path / "thing")


def change(folder):
    (folder / "file.txt").write_text("changed")


def lose(folder):
    (folder / "file.txt").unlink()


def add(folder):
    (folder / "file.pkl").write_text("smuggled")


@pytest.mark.parametrize(("damage", "name"), [(change, "file.txt"), (lose, "file.txt"), (add, "file.pkl")])
def test_a_file_that_differs_from_the_manifest_is_refused_by_name(damage, name, tmp_path):
    make(tmp_path / "thing")
    damage(tmp_path / "thing")
    with pytest.raises(GateError, match=rf"{name} differs from manifest.json"):
        read(tmp_path / "thing", "thing")


def test_another_kind_or_no_manifest_is_refused(tmp_path):
    make(tmp_path / "thing")
    with pytest.raises(RequestError, match="holds a thing, not an agent"):
        read(tmp_path / "thing", "agent")
    for damaged in ("[]", '{"kind": "thing", "outputs": 3}'):
        (tmp_path / "thing" / "manifest.json").write_text(damaged)
        with pytest.raises(RequestError, match=r"it has no readable manifest\.json"):
            read(tmp_path / "thing", "thing")


def test_a_parent_is_found_again_when_all_runs_are_moved_and_refused_when_it_is_another(tmp_path):
    first = make(tmp_path / "runs" / "a" / "thing")
    make(tmp_path / "runs" / "b" / "child", "child", parents={"thing": first})
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    child = read(tmp_path / "elsewhere" / "b" / "child", "child")
    assert parent(child, "thing").sha256 == first.sha256
    manifest = tmp_path / "elsewhere" / "a" / "thing" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 1', '"seed": 2'))
    with pytest.raises(GateError, match="is not the thing that"):
        parent(child, "thing")


def test_run_ids_are_unique_and_sort_by_time():
    ids = [new_run_id() for _ in range(500)]
    assert len(set(ids)) == 500
    stamps = [name.split("-")[0] for name in ids]
    assert stamps == sorted(stamps)


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    dead, living = tmp_path / "a" / ".partial-x-999999999-ab", tmp_path / "a" / f".partial-y-{os.getpid()}-ab"
    for folder in (dead, living):
        folder.mkdir(parents=True)
    (tmp_path / "a" / ".partial-report.json-999999999-cd").write_text("{")
    assert sweep_partials(tmp_path) == 2
    assert [path.name for path in (tmp_path / "a").iterdir()] == [living.name]


def test_a_text_is_replaced_whole_or_not_at_all(tmp_path):
    write_text(tmp_path / "x.json", "old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert (tmp_path / "x.json").read_text() == "old"
    write_json(tmp_path / "x.json", {"a": 1})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
