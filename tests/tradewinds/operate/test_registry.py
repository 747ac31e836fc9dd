"""The registry: a promotion is all or nothing, and the way back is always known."""

import sqlite3
import threading

import pytest
from filelock import Timeout
from sqlalchemy.engine import make_url

from tradewinds.core.errors import GateError, RequestError
from tradewinds.operate.database import Database
from tradewinds.operate.registry import Registry, Version, now


def version(number, data="d"):
    return Version(
        name="m",
        run=f"m/{number}",
        agent_sha256="a" * 64,
        config_hash="c",
        data_sha256=f"{data}{number}",
        data_last="2020-01-01",
        created_at=now(),
    )


@pytest.fixture
def registry(tmp_path):
    """A registry in a file."""
    return Registry(tmp_path)


@pytest.fixture(params=["file", "server"])
def anywhere(request, tmp_path):
    """A registry in a file, or on a server."""
    if request.param == "file":
        return Registry(tmp_path)
    return Registry(Database(tmp_path, make_url(request.getfixturevalue("server").address())))


def add(registry, number, *, promote=True):
    champion = registry.champion("m")
    expected = None if champion is None else champion.number
    return registry.register(version(number), promote=promote, expected=expected, reason=f"reason {number}")


def test_a_damaged_registry_is_refused_by_name(registry, tmp_path):
    (tmp_path / "registry.db").write_bytes(b"junk" * 100)
    with pytest.raises(
        GateError, match=r"registry\.db is damaged \(file is not a database\): type `tradewinds models reb"
    ):
        registry.versions()
    assert (tmp_path / "registry.db").read_bytes() == b"junk" * 100


def test_asking_an_empty_registry_creates_nothing(registry, tmp_path):
    assert registry.champion("m") is None
    assert registry.versions() == []
    assert list(tmp_path.iterdir()) == []


def test_the_champion_is_the_last_promoted_and_a_rejected_one_is_kept(anywhere):
    add(anywhere, 1)
    add(anywhere, 2, promote=False)
    assert anywhere.champion("m").number == 1
    assert [v.verdict for v in anywhere.versions("m")] == ["reason 1", "reason 2"]
    assert anywhere.judged("m", config_hash="c", data_sha256="d2").number == 2
    assert anywhere.judged("m", config_hash="other", data_sha256="d2") is None


def test_rollback_goes_back_step_by_step_and_stops_at_the_first(anywhere):
    for number in (1, 2, 3):
        add(anywhere, number)
    assert anywhere.rollback("m", reason="r").number == 2
    assert anywhere.rollback("m", reason="r").number == 1
    with pytest.raises(RequestError, match="'m' has no earlier champion to go back to"):
        anywhere.rollback("m", reason="r")


def test_rollback_undoes_a_promotion_by_hand(anywhere):
    add(anywhere, 1)
    add(anywhere, 2, promote=False)
    add(anywhere, 3)
    anywhere.promote("m", 2, reason="by hand")
    assert anywhere.rollback("m", reason="r").number == 3
    assert anywhere.rollback("m", reason="r").number == 1


def test_a_promotion_against_a_champion_that_has_changed_is_refused_whole(anywhere):
    add(anywhere, 1)
    with pytest.raises(GateError, match="changed from version None to 1 meanwhile"):
        anywhere.register(version(2), promote=True, expected=None, reason="late")
    assert len(anywhere.versions("m")) == 1


def test_of_many_at_once_exactly_one_promotion_wins(anywhere):
    add(anywhere, 1)
    outcomes = []

    def attempt(number):
        try:
            Registry(anywhere.database).register(version(number), promote=True, expected=1, reason="race")
            outcomes.append("won")
        except GateError:
            outcomes.append("lost")

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(2, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost"] * 5 + ["won"]
    assert len(anywhere.versions("m")) == 2


def test_numbers_that_were_brought_back_are_not_given_again(anywhere):
    for number in (1, 2):
        add(anywhere, number)
    there = anywhere.versions("m")
    other = version(9)
    other.number, other.verdict, other.name = 7, "once", "n"
    anywhere.restore([other], [True], reason="brought back")
    assert (anywhere.champion("n").number, anywhere.champion("n").verdict) == (7, "once")
    assert add(anywhere, 3).number == 8
    assert [v.number for v in anywhere.versions("m")] == [*(v.number for v in there), 8]


def test_a_server_that_is_stopped_is_said_without_a_password_and_goes_on_when_it_is_back(server, tmp_path):
    url = make_url(server.address()).set(password="hush")
    registry = Registry(Database(tmp_path, url))
    add(registry, 1)
    server.stop()
    try:
        with pytest.raises(GateError, match="cannot be used at present") as refused:
            add(registry, 2)
        assert "hush" not in str(refused.value)
        assert "postgres:***@" in str(refused.value)
    finally:
        server.start()
    assert add(registry, 2).number > 1  # a crash may leave a gap in the numbers
    assert registry.champion("m").verdict == "reason 2"


def test_what_one_does_alone_on_a_server_no_other_does(server, tmp_path):
    address = make_url(server.address())
    one, other = Database(tmp_path, address), Database(tmp_path / "elsewhere", address)
    with one.alone("schedule m"):
        with pytest.raises(Timeout), other.alone("schedule m"):
            pass
        with other.alone("schedule n"):
            pass
    with other.alone("schedule m"):
        pass


def test_every_move_is_logged_with_its_reason(registry, tmp_path):
    add(registry, 1)
    add(registry, 2)
    registry.rollback("m", reason="it lost money")
    with sqlite3.connect(tmp_path / "registry.db") as connection:
        moves = connection.execute("select before, after, reason from alias_log order by id").fetchall()
    assert moves == [(None, 1, "reason 1"), (1, 2, "reason 2"), (2, 1, "it lost money")]


OLD = """
CREATE TABLE version (
    id INTEGER NOT NULL, name VARCHAR NOT NULL, run VARCHAR NOT NULL, agent_sha256 VARCHAR NOT NULL,
    config_hash VARCHAR NOT NULL, data_sha256 VARCHAR NOT NULL, data_last VARCHAR NOT NULL, created_at VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE alias_log (
    id INTEGER NOT NULL, name VARCHAR NOT NULL, alias VARCHAR NOT NULL, before INTEGER, after INTEGER NOT NULL,
    is_rollback BOOLEAN NOT NULL, reason VARCHAR NOT NULL, at VARCHAR NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE alias (
    name VARCHAR NOT NULL, alias VARCHAR NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (name, alias),
    FOREIGN KEY(version) REFERENCES version (id)
);
"""
VERSIONS = [
    (1, "m", "m/1", "a", "c", "d1", "2020-01-01", "2020-01-02", "the first model"),
    (2, "m", "m/2", "a", "c", "d2", "2020-02-01", "2020-02-02", "won"),
]


def test_a_registry_written_by_version_0_1_is_read_and_goes_on(registry, tmp_path):
    with sqlite3.connect(tmp_path / "registry.db") as connection:
        connection.executescript(OLD)
        connection.executemany("insert into version values (?, ?, ?, ?, ?, ?, ?, ?, ?)", VERSIONS)
        moves = [(1, "m", "champion", None, 1, False, "r", "t"), (2, "m", "champion", 1, 2, False, "r", "t")]
        connection.executemany("insert into alias_log values (?, ?, ?, ?, ?, ?, ?, ?)", moves)
        connection.execute("insert into alias values ('m', 'champion', 2)")
    champion = registry.champion("m")
    assert (champion.number, champion.verdict, champion.data_last) == (2, "won", "2020-02-01")
    assert add(registry, 3).number == 3
    assert registry.rollback("m", reason="r").number == 2
    assert registry.rollback("m", reason="r").number == 1


def test_the_tables_on_disk_are_those_of_version_0_1(registry, tmp_path):
    add(registry, 1)
    with sqlite3.connect(":memory:") as old, sqlite3.connect(tmp_path / "registry.db") as new:
        old.executescript(OLD)
        for table in ("version", "alias", "alias_log"):
            columns, keys = (f"PRAGMA {kind}({table})" for kind in ("table_info", "foreign_key_list"))
            assert new.execute(columns).fetchall() == old.execute(columns).fetchall()
            assert new.execute(keys).fetchall() == old.execute(keys).fetchall()
