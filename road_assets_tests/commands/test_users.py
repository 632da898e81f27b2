"""Users, added and changed from the command line in a real Postgres."""

import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from road_assets.cli import main
from road_assets.local.postgres import EmbeddedPostgres

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def url(tmp_path: Path, postgres: EmbeddedPostgres, clean_environment: pytest.MonkeyPatch) -> Iterator[str]:
    """The migrated tables, without any user."""
    url = postgres.url("road")
    clean_environment.setenv("ROAD_HOME", str(tmp_path / "home"))
    clean_environment.setenv("ROAD_DATABASE_URL", url)
    yield url
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE users")


def road_users(*arguments: str, given: str | bytes = f"{PASSWORD}\n") -> Result:
    return CliRunner().invoke(main, ["users", *arguments], input=given)


def row(url: str, column: str, username: str = "ann") -> Any:
    with psycopg.connect(url) as connection:
        query = psycopg.sql.SQL("SELECT {} FROM users WHERE username = %s").format(psycopg.sql.Identifier(column))
        found = connection.execute(query, (username,)).fetchone()
        return found and found[0]


@pytest.mark.parametrize(("options", "role"), [((), "user"), (("--admin",), "admin")])
def test_a_user_is_added_with_a_hash_of_the_password_and_a_role(url: str, options: tuple[str, ...], role: str) -> None:
    result = road_users("add", "ann", *options)

    assert (result.exit_code, result.output) == (
        0,
        f"added ann ({role}); the running service knows it within seconds\n",
    )
    assert row(url, "role") == role
    assert row(url, "password_hash").startswith("$argon2id$")
    assert PasswordHasher().verify(row(url, "password_hash"), PASSWORD)


def test_a_name_is_given_once_and_the_first_password_stays(url: str) -> None:
    road_users("add", "ann")
    before = row(url, "password_hash")

    result = road_users("add", "ann", "--admin", given="another long password")

    assert result.exit_code == 1
    assert "there is a user 'ann' already" in result.output
    assert "road users passwd ann" in result.output
    assert (row(url, "password_hash"), row(url, "role")) == (before, "user")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "has 0 characters, needed are 12"),
        ("elevenchars\n", "has 11 characters"),
        ("a" * 20, "one character again and again"),
        ("é" * 512 + "a", "longer than 1024 bytes"),
        (b"\xff" * 20, "is not UTF-8"),
    ],
)
def test_a_weak_or_broken_password_changes_nothing(url: str, password: str | bytes, reason: str) -> None:
    result = road_users("add", "ann", given=password)

    assert result.exit_code == 1
    assert reason in result.output
    assert "Traceback" not in result.output
    assert row(url, "username") is None


def test_the_user_name_is_no_password() -> None:
    assert "is the user name" in road_users("add", "ann.dispatcher", given="Ann.Dispatcher").output


@pytest.mark.parametrize("name", ["operator:ann", "", "a b", "é", "-ann" * 20, "a" * 65, "johndoe", "dispatch"])
def test_a_name_that_means_somebody_else_or_hides_something_is_refused(
    name: str, clean_environment: pytest.MonkeyPatch
) -> None:
    clean_environment.setenv("ROAD_API_USERNAME", "dispatch")

    assert road_users("add", "--", name).exit_code == 1


def test_a_password_is_never_an_argument(url: str) -> None:
    assert road_users("add", "ann", PASSWORD).exit_code == 2
    assert row(url, "username") is None


def test_another_password_takes_the_place_of_the_first_and_spends_its_tokens(url: str) -> None:
    road_users("add", "ann")

    assert road_users("passwd", "ann", given="another long password").exit_code == 0

    assert PasswordHasher().verify(row(url, "password_hash"), "another long password")
    assert row(url, "generation") == 2


def test_another_role_spends_the_tokens_of_the_one_before_and_the_same_role_does_not(url: str) -> None:
    road_users("add", "ann")

    promoted = road_users("role", "ann", "admin")
    assert (row(url, "role"), row(url, "generation")) == ("admin", 2)
    again = road_users("role", "ann", "admin")
    assert (row(url, "role"), row(url, "generation")) == ("admin", 2)

    assert "ann is admin now, and tokens given before are refused" in promoted.output
    assert "ann is admin already; nothing was changed" in again.output
    assert road_users("role", "ann", "user").exit_code == 0
    assert row(url, "role") == "user"


@pytest.mark.parametrize("arguments", [("nobody", "admin"), ("ann", "root"), ("ann",)])
def test_a_role_is_given_to_users_only_and_is_one_of_two(url: str, arguments: tuple[str, ...]) -> None:
    road_users("add", "ann")

    assert road_users("role", *arguments).exit_code != 0
    assert (row(url, "role"), row(url, "generation")) == ("user", 1)


def test_a_disabled_user_stays_so_under_a_new_password_until_enabled(url: str) -> None:
    road_users("add", "ann")
    first = road_users("disable", "ann")
    since = row(url, "disabled_at")
    again = road_users("disable", "ann")

    assert first.exit_code == 0
    assert first.output == again.output
    assert (row(url, "disabled_at"), row(url, "generation")) == (since, 2)
    assert "stays disabled" in road_users("passwd", "ann").output
    assert row(url, "disabled_at") == since
    assert road_users("enable", "ann").exit_code == 0
    assert row(url, "disabled_at") is None


def test_the_list_shows_who_may_log_in_and_no_hash() -> None:
    assert "there are no users" in road_users("list").output
    road_users("add", "zoe", "--admin")
    road_users("add", "ann")
    road_users("disable", "ann")

    ann, zoe = road_users("list").output.splitlines()

    assert ann.split()[:4] == ["ann", "user", "disabled", "since"]
    assert zoe.split()[:5] == ["zoe", "admin", "may", "log", "in;"]
    assert "argon2" not in ann + zoe


@pytest.mark.parametrize("command", ["passwd", "disable", "enable"])
def test_an_unknown_user_is_named(command: str) -> None:
    result = road_users(command, "nobody")

    assert result.exit_code == 1
    assert "there is no user 'nobody'; `road users list` shows all" in result.output


def test_tables_that_were_not_migrated_and_those_that_are_away_are_told(
    postgres: EmbeddedPostgres, clean_environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clean_environment.setenv("ROAD_DATABASE_URL", postgres.url("postgres"))
    old = road_users("list")
    clean_environment.delenv("ROAD_DATABASE_URL")
    nothing = road_users("list")

    assert (old.exit_code, nothing.exit_code) == (1, 1)
    assert "older than this version of the platform" in old.output
    assert f"no platform is running in {tmp_path / 'home'}" in nothing.output


@pytest.mark.parametrize(("second", "code"), [(PASSWORD, 0), ("a mistyped password", 1)])
def test_at_a_terminal_the_password_is_asked_twice_and_not_shown(url: str, second: str, code: int) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "road_assets.cli", "users", "add", "ann"], dict(os.environ))  # noqa: S606
    shown = _read_until(terminal, b"New password of ann")
    os.write(terminal, f"{PASSWORD}\n".encode())
    shown += _read_until(terminal, b"epeat for confirmation")
    os.write(terminal, f"{second}\n".encode())
    if code:
        shown += _read_until(terminal, b"New password of ann")
        os.write(terminal, b"\x03")
    shown += _read_until(terminal, None)
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert ended == code, shown
    assert PASSWORD.encode() not in shown
    assert (row(url, "username") == "ann") is (code == 0)


def _read_until(terminal: int, word: bytes | None) -> bytes:
    seen = b""
    while word is None or word not in seen:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other side has ended
            part = b""
        if not part:
            assert word is None, seen
            return seen
        seen += part
    return seen
