"""Tokens for people on the machine."""

from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner, Result

from road_api.tokens import Role, Tokens
from road_assets.cli import main
from road_assets.local.secrets import secret
from road_assets.local.services import JWT_SECRET


@pytest.fixture
def home(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> Path:
    clean_environment.setenv("ROAD_HOME", str(tmp_path))
    clean_environment.setenv("LOGNAME", "ann")
    return tmp_path


def road_token(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["token", *arguments])


@pytest.mark.parametrize(("arguments", "role"), [((), Role.USER), (("--admin",), Role.ADMIN)])
def test_it_is_signed_with_the_demonstrations_secret_and_names_who_asked(
    home: Path, arguments: tuple[str, ...], role: Role
) -> None:
    key = secret(home, JWT_SECRET)

    claims = Tokens(key).read(road_token(*arguments).stdout.strip())

    assert (claims["sub"], claims["role"]) == ("operator:ann", role)
    assert claims["exp"] - claims["iat"] == 1800


def test_the_secret_of_the_environment_comes_first(home: Path, clean_environment: pytest.MonkeyPatch) -> None:
    demonstration, own = secret(home, JWT_SECRET), "0123456789abcdefghijklmnopqrstuvwxyz"
    clean_environment.setenv("ROAD_API_JWT_SECRET", own)

    token = road_token("--admin").stdout.strip()

    assert Tokens(own).read(token)["role"] is Role.ADMIN
    with pytest.raises(jwt.InvalidSignatureError):
        Tokens(demonstration).read(token)


def test_of_several_keys_the_first_signs(home: Path, clean_environment: pytest.MonkeyPatch) -> None:
    secret(home, JWT_SECRET)
    new, old = "0123456789abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba9876543210"
    clean_environment.setenv("ROAD_API_JWT_KEYS", f"new:{new},old:{old}")

    assert Tokens({"new": new}).read(road_token().stdout.strip())["sub"] == "operator:ann"


def test_keys_that_cannot_be_read_sign_nothing(home: Path, clean_environment: pytest.MonkeyPatch) -> None:
    secret(home, JWT_SECRET)
    clean_environment.setenv("ROAD_API_JWT_KEYS", "s3cret")

    answer = road_token()

    assert answer.exit_code == 1
    assert answer.stderr == "Error: ROAD_API_JWT_KEYS: key 1 is not id:secret; separate keys by commas\n"


def test_without_a_secret_it_is_refused_and_none_is_made(home: Path) -> None:
    answer = road_token("--admin")

    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert "there is nothing to sign with: set ROAD_API_JWT_SECRET" in answer.stderr
    assert list(home.iterdir()) == []


def test_an_empty_secret_signs_nothing(home: Path) -> None:
    secret(home, JWT_SECRET)
    (home / "secrets" / JWT_SECRET).write_text("\n")

    answer = road_token()

    assert answer.exit_code == 1
    assert "is empty; delete it, or put the secret back" in answer.stderr
