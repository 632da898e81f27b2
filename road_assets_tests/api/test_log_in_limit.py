"""Guessing passwords: how often, for whom, from where, and what a proxy may say about that."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from litestar.connection import ASGIConnection
from litestar.exceptions import TooManyRequestsException

from road_api.app import create_app
from road_api.client_address import UNKNOWN_ADDRESS, ClientAddress, read_networks
from road_api.log_in_limit import KEYS_KEPT, LogInLimit, TokenBuckets
from road_api.settings import Settings

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def visit(settings: Settings, **changes: Any) -> AsyncIterator[Any]:
    """Start the service; the result logs in from an address, with headers."""
    app = create_app(Settings(**{**settings.model_dump(), **changes}))

    async def log_in(username: str, password: str, *, host: str, forwarded: str | None = None) -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(host, 4711))  # type: ignore[arg-type]
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as client:
            return await client.post("/auth/token", data={"username": username, "password": password})

    async with app.lifespan():
        yield log_in


@pytest.mark.parametrize("username", ["johndoe", "nobody"])
async def test_after_some_failures_even_the_right_password_waits_and_unknown_names_are_treated_alike(
    settings: Settings, username: str
) -> None:
    async with visit(settings, log_in_tries=3) as log_in:
        failed = [await log_in(username, "wrong", host="192.0.2.1") for _ in range(3)]
        refused = await log_in(username, "johnsecret", host="192.0.2.2")
        other = await log_in("somebody-else", "wrong", host="192.0.2.1")

    assert [answer.status_code for answer in failed] == [401] * 3
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 100
    assert refused.headers["content-type"] == "application/problem+json"
    assert "too many log-ins failed" in refused.json()["detail"]
    assert other.status_code == 401


async def test_an_address_that_tries_many_names_is_refused_and_others_are_not(settings: Settings) -> None:
    async with visit(settings, log_in_tries_per_address=3) as log_in:
        for number in range(3):
            await log_in(f"user{number}", "wrong", host="192.0.2.1")
        refused = await log_in("johndoe", "johnsecret", host="192.0.2.1")
        other = await log_in("johndoe", "johnsecret", host="192.0.2.2")

    assert (refused.status_code, other.status_code) == (429, 200)


async def test_right_passwords_cost_no_try(settings: Settings) -> None:
    async with visit(settings, log_in_tries=1, log_in_tries_per_address=1) as log_in:
        answers = [await log_in("johndoe", "johnsecret", host="192.0.2.1") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3


async def test_who_guesses_from_elsewhere_does_not_lock_a_user_out(settings: Settings) -> None:
    async with visit(settings, log_in_tries=2) as log_in:
        await log_in("johndoe", "johnsecret", host="192.0.2.1")
        guesses = [await log_in("johndoe", "wrong", host="198.51.100.9") for _ in range(3)]
        own = await log_in("johndoe", "johnsecret", host="192.0.2.1")

    assert [answer.status_code for answer in guesses] == [401, 401, 429]
    assert own.status_code == 200


async def test_behind_a_trusted_proxy_its_word_counts_and_anybody_else_s_does_not(settings: Settings) -> None:
    few = {"log_in_tries_per_address": 1, "trusted_proxies": "10.0.0.0/8"}
    async with visit(settings, **few) as log_in:
        first = await log_in("a", "wrong", host="10.0.0.1", forwarded="203.0.113.1")
        other = await log_in("b", "wrong", host="10.0.0.1", forwarded="203.0.113.2")
        pretended = await log_in("c", "wrong", host="10.0.0.1", forwarded="198.51.100.7, 203.0.113.1")
        outside = [await log_in("d", "wrong", host="192.0.2.1", forwarded=f"203.0.113.{last}") for last in (8, 9)]

    assert [answer.status_code for answer in (first, other, pretended)] == [401, 401, 429]
    assert [answer.status_code for answer in outside] == [401, 429]


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.1", ["198.51.100.1"], "203.0.113.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1:4711, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, rubbish"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("::ffff:10.0.0.1", ["[2001:db8:1:2::3]:80"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", [], "2001:db8:1:2::/64"),
        ("testclient", ["198.51.100.1"], "testclient"),
        (None, ["198.51.100.1"], UNKNOWN_ADDRESS),
    ],
)
async def test_the_caller_is_the_first_from_the_right_that_is_no_proxy(
    peer: str | None, forwarded: list[str], found: str
) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope: Any = {"type": "http", "headers": headers, "client": None if peer is None else (peer, 1)}

    assert ClientAddress(read_networks("10.0.0.0/8, ::1")).find(ASGIConnection(scope)) == found


def test_tries_come_back_steadily_and_not_beyond_their_number(clock: Clock) -> None:
    buckets = TokenBuckets(4, 100, clock)
    for _ in range(4):
        assert buckets.wait("a") == 0
        buckets.take("a")

    assert buckets.wait("a") == pytest.approx(25)
    clock.now += 25
    assert buckets.wait("a") == 0
    buckets.take("a")
    clock.now += 10**6
    for _ in range(4):
        buckets.take("a")
    assert buckets.wait("a") == pytest.approx(25)


def test_many_at_once_do_not_get_past_the_limit(clock: Clock) -> None:
    limit = LogInLimit(3, 100, 60, clock)
    for _ in range(3):
        limit.begin("ann", "192.0.2.1")  # none of them has an answer yet

    with pytest.raises(TooManyRequestsException):
        limit.begin("ann", "192.0.2.1")


def test_a_name_made_up_of_address_and_name_takes_no_tries_of_the_user_there(clock: Clock) -> None:
    limit = LogInLimit(1, 100, 60, clock)
    limit.succeed(limit.begin("ann", "192.0.2.1"))
    limit.begin("192.0.2.1 ann", "198.51.100.9")

    limit.begin("ann", "192.0.2.1")


def test_names_that_callers_invent_take_no_more_than_some_memory(clock: Clock) -> None:
    buckets = TokenBuckets(2, 60, clock)
    for number in range(KEYS_KEPT + 500):
        buckets.take(str(number))

    assert len(buckets) == KEYS_KEPT
    buckets.take("given back")
    buckets.take("given back", -1)
    assert len(buckets) <= KEYS_KEPT
