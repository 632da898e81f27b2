import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from road_assets.local.postgres import DATABASES, EmbeddedPostgres
from road_assets.local.postgres_files import PostgresError, outside_directory, remove_outside

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's Postgres runs as somebody else")


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose data directory is made once: tests start their own servers in it, one after the other."""
    home = tmp_path_factory.mktemp("postgres") / "home"
    yield home
    remove_outside(home)


@pytest.fixture
def server(shared_home: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(shared_home)
    yield server
    server.stop()


def scalar(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.url("road"), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def keep_answer(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url("road")) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def data_directory(server: EmbeddedPostgres) -> Path:
    return Path(str(scalar(server, "SHOW data_directory")))


def test_a_new_home_gets_a_durable_server_on_loopback_with_three_databases(server: EmbeddedPostgres) -> None:
    server.start()
    for database in DATABASES:
        psycopg.connect(server.url(database)).close()
    assert scalar(server, "SHOW listen_addresses") == "127.0.0.1"
    assert [scalar(server, f"SHOW {name}") for name in ("fsync", "data_checksums")] == ["on", "on"]
    assert scalar(server, "SHOW server_encoding") == "UTF8"
    secret = server.home / "secrets" / "postgres_password"
    assert secret.stat().st_mode & 0o777 == 0o600
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.url("road").replace(secret.read_text(), "guess"))


def test_what_was_written_is_there_after_a_stop_and_a_start(server: EmbeddedPostgres) -> None:
    server.start()
    keep_answer(server)
    server.stop()
    assert not server.is_ready()
    server.start()
    assert scalar(server, "SELECT answer FROM kept") == 42


def test_a_server_that_was_killed_starts_again_with_what_was_committed(server: EmbeddedPostgres) -> None:
    server.start()
    keep_answer(server)
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    server.start()
    assert scalar(server, "SELECT answer FROM kept") == 42


def test_a_server_left_over_from_another_owner_is_stopped_and_replaced(server: EmbeddedPostgres) -> None:
    server.start()
    old = server.process
    assert old is not None
    successor = EmbeddedPostgres(server.home, server.port)
    successor.start()
    try:
        assert old.wait(10) == 0
        assert successor.is_ready()
    finally:
        successor.stop()


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(server: EmbeddedPostgres) -> None:
    server.start()
    pid_file = data_directory(server) / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    server.start()
    assert server.is_ready()
    assert psutil.pid_exists(os.getpid())


def test_a_preparation_that_was_interrupted_is_begun_again(server: EmbeddedPostgres) -> None:
    server.start()
    data = data_directory(server)
    server.stop()
    half = data.with_name("data.new")
    data.rename(half)
    (half / "PG_VERSION").unlink()
    server.start()
    assert server.is_ready()
    assert not half.exists()


def test_data_of_another_version_is_refused_with_what_to_do(server: EmbeddedPostgres) -> None:
    server.start()
    version = data_directory(server) / "PG_VERSION"
    server.stop()
    ours = version.read_text()
    version.write_text("12\n")
    with pytest.raises(PostgresError, match=r"made by Postgres 12.*road clean"):
        server.start()
    version.write_text(ours)


def test_a_busy_port_is_told_with_the_words_of_the_server(server: EmbeddedPostgres, tmp_path: Path) -> None:
    server.start()
    second = EmbeddedPostgres(tmp_path / "second", server.port)
    try:
        with pytest.raises(PostgresError, match="Address already in use"):
            second.start()
    finally:
        second.stop()
        remove_outside(second.home)


def test_an_unreachable_server_is_given_up_after_a_while(server: EmbeddedPostgres) -> None:
    server.launch()
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(PostgresError, match="did not answer within 0 s"):
            server.wait_until_ready(seconds=0.1)
    finally:
        server.process.send_signal(signal.SIGCONT)


@as_root
def test_roots_server_runs_as_nobody_where_nobody_can_be(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with EmbeddedPostgres(tmp_path / "home", port=0) as server:
        assert server.process is not None
        assert psutil.Process(server.process.pid).username() == "nobody"
        assert server.outside == outside_directory(server.home)
        assert data_directory(server).is_relative_to(server.outside)
    assert not outside_directory(server.home).exists()


@as_root
def test_data_stays_in_a_home_that_nobody_can_enter(open_home: Path) -> None:
    with EmbeddedPostgres(open_home, port=0) as server:
        assert data_directory(server) == open_home / "postgres" / "data"
        assert data_directory(server).owner() == "nobody"


@as_root
def test_programs_that_nobody_can_run_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from road_assets.local import postgres_files

    tmp_path.chmod(0o700)
    wheel = tmp_path / postgres_files.WHEEL
    wheel.symlink_to(postgres_files._wheel_directory())  # noqa: SLF001 - the same programs behind a closed door
    libraries = wheel.with_name(f"{wheel.name}.libs")
    libraries.symlink_to(postgres_files._wheel_directory().with_name(libraries.name))  # noqa: SLF001
    monkeypatch.setattr(postgres_files, "_wheel_directory", lambda: wheel)
    with EmbeddedPostgres(tmp_path / "home", port=0) as server:
        assert server.process is not None
        assert server.outside is not None
        program = Path(psutil.Process(server.process.pid).exe())
        assert program.is_relative_to(server.outside)
        server.stop()
        copied = program.stat().st_mtime_ns
        server.start()
        assert program.stat().st_mtime_ns == copied
