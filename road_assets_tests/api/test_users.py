"""Users of a real Postgres: followed by the service, and kept while Postgres is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher

from road_api.tokens import Role, Tokens
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import Database, migrate
from road_assets.resources.user_accounts import UserAccounts

pytestmark = pytest.mark.anyio

PASSWORD, OTHER_PASSWORD = "correct horse battery", "another long password"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64)


@pytest.fixture
def accounts(tables_url: str) -> Iterator[UserAccounts]:
    """The tables with one user, ann."""
    accounts = UserAccounts(Database(url=tables_url))
    accounts.add("ann", CHEAP.hash(PASSWORD), "user")
    yield accounts
    with psycopg.connect(tables_url) as connection:
        connection.execute("TRUNCATE users")


@pytest.fixture
def serve(start: Any, secret: str, tables_url: str) -> Callable[..., Any]:
    """Start the service on the tables, outside of demonstration mode and without a user of the environment."""

    def run(**changes: Any) -> Any:
        own = {"demo": False, "jwt_secret": secret, "database_url": tables_url, "users_seconds": 0.05, **changes}
        return start(wait=False, **own)

    return run


async def log_in(service: httpx.AsyncClient, username: str = "ann", password: str = PASSWORD) -> httpx.Response:
    return await service.post("/auth/token", data={"username": username, "password": password})


async def ask(service: httpx.AsyncClient, token: str) -> httpx.Response:
    """Ask what is behind the door; without a model, who is let in gets a 503 or 422, and who is not a 401."""
    return await service.post("/protected/predict", json={}, headers={"Authorization": f"Bearer {token}"})


async def until(what: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not await what():
        assert time.monotonic() < deadline, "still not so"
        await asyncio.sleep(0.02)


@pytest.mark.usefixtures("accounts")
async def test_a_user_of_the_tables_logs_in_at_once_after_the_start(serve: Any) -> None:
    async with serve() as service:
        right, wrong = await log_in(service), await log_in(service, password=OTHER_PASSWORD)
        answer = await ask(service, right.json()["access_token"])

    assert (right.status_code, wrong.status_code) == (200, 401)
    assert answer.status_code == 422, answer.text


async def test_who_is_added_while_it_runs_gets_in_with_the_role_given(
    serve: Any, accounts: UserAccounts, secret: str
) -> None:
    async with serve() as service:
        assert (await log_in(service, "zoe")).status_code == 401
        accounts.add("zoe", CHEAP.hash(PASSWORD), "admin")

        async def gets_in() -> bool:
            return (await log_in(service, "zoe")).status_code == 200

        await until(gets_in, seconds=5)
        token = (await log_in(service, "zoe")).json()["access_token"]

    assert Tokens(secret).read(token)["role"] is Role.ADMIN


async def test_a_disabled_user_is_out_within_seconds_and_the_old_token_for_good(
    serve: Any, accounts: UserAccounts
) -> None:
    async with serve() as service:
        token = (await log_in(service)).json()["access_token"]

        async def is_out() -> bool:
            return (await ask(service, token)).status_code == 401

        assert not await is_out()
        accounts.disable("ann")
        await until(is_out)
        refused, door = await ask(service, token), await log_in(service)
        accounts.enable("ann")

        async def is_in_again() -> bool:
            return (await log_in(service)).status_code == 200

        await until(is_in_again)
        spent = await ask(service, token)

    assert refused.json()["detail"] == "the token's user was disabled or is not known any more"
    assert refused.headers["www-authenticate"] == 'Bearer realm="road-api", error="invalid_token"'
    assert door.status_code == 401
    assert door.json()["detail"] == "the user name or the password is wrong", "guessers do not learn who is disabled"
    assert spent.status_code == 401
    assert spent.json()["detail"].startswith("the token was revoked; get a new one")


async def test_another_password_spends_the_tokens_of_the_one_before(serve: Any, accounts: UserAccounts) -> None:
    async with serve() as service:
        token = (await log_in(service)).json()["access_token"]
        accounts.set_password("ann", CHEAP.hash(OTHER_PASSWORD))

        async def is_out() -> bool:
            return (await ask(service, token)).status_code == 401

        await until(is_out)
        old, new = await log_in(service), await log_in(service, password=OTHER_PASSWORD)

    assert (old.status_code, new.status_code) == (401, 200)


async def test_an_admin_who_became_a_user_acts_as_admin_no_more(
    serve: Any, accounts: UserAccounts, tables_url: str
) -> None:
    accounts.add("zoe", CHEAP.hash(PASSWORD), "admin")
    async with serve() as service:
        token = (await log_in(service, "zoe")).json()["access_token"]
        with psycopg.connect(tables_url) as connection:
            connection.execute("UPDATE users SET role = 'user' WHERE username = 'zoe'")

        async def is_refused() -> bool:
            return (await ask(service, token)).status_code == 401

        await until(is_refused)


async def test_the_environments_user_gets_in_beside_them_unless_the_tables_hold_the_name(
    serve: Any, accounts: UserAccounts
) -> None:
    own = {"username": "dispatch", "password_hash": CHEAP.hash(OTHER_PASSWORD)}
    async with serve(**own) as service:
        beside = await log_in(service, "dispatch", OTHER_PASSWORD)
        token = beside.json()["access_token"]
        accounts.add("dispatch", CHEAP.hash(PASSWORD), "user")

        async def is_out() -> bool:
            return (await ask(service, token)).status_code == 401

        await until(is_out)
        accounts.disable("dispatch")

        async def is_disabled() -> bool:
            return (await log_in(service, "dispatch", OTHER_PASSWORD)).status_code == 401

        assert await is_disabled()

    assert beside.status_code == 200


async def test_the_demonstrations_user_exists_in_a_demonstration_only(serve: Any) -> None:
    async with serve() as service:
        assert (await log_in(service, "johndoe", "johnsecret")).status_code == 401
    async with serve(demo=True) as service:
        assert (await log_in(service, "johndoe", "johnsecret")).status_code == 200


async def test_no_request_waits_for_postgres_and_the_users_stay_while_it_is_away(
    serve: Any, tmp_path: Path, read_metric: Any
) -> None:
    with EmbeddedPostgres(tmp_path / "own", port=0) as server:
        migrate(server.url("road"))
        UserAccounts(Database(url=server.url("road"))).add("ann", CHEAP.hash(PASSWORD), "user")
        async with serve(database_url=server.url("road")) as service:
            token = (await log_in(service)).json()["access_token"]
            await asyncio.to_thread(server.stop)

            async def sees(value: float) -> bool:
                return bool(await read_metric(service, 'road_figures_up{source="users"}') == value)

            async def sees_it_gone() -> bool:
                return await sees(0)

            await until(sees_it_gone)
            again, answer = await log_in(service), await ask(service, token)
            await asyncio.to_thread(server.start)
            UserAccounts(Database(url=server.url("road"))).disable("ann")

            async def is_out() -> bool:
                return (await ask(service, token)).status_code == 401

            await until(is_out)
            assert await sees(1)

    assert (again.status_code, answer.status_code) == (200, 422)


async def test_it_starts_without_postgres_and_without_the_table(serve: Any, postgres: EmbeddedPostgres) -> None:
    own = {"username": "dispatch", "password_hash": CHEAP.hash(PASSWORD)}
    for url in ("postgresql://road@127.0.0.1:1/road", postgres.url("postgres")):
        started = time.monotonic()
        async with serve(database_url=url, **own) as service:
            took = time.monotonic() - started
            assert (await log_in(service, "dispatch")).status_code == 200
            assert (await log_in(service)).status_code == 401
        assert took < 3
