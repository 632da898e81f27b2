"""Logging in, and the ways of getting around it."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest
from argon2 import PasswordHasher

from road_api.auth import FixedUsers, PasswordCheck, User
from road_api.tokens import AUDIENCE, ISSUER, LIFETIME_SECONDS, Tokens
from road_assets.core.vocabulary import SCENE_EXAMPLE

pytestmark = pytest.mark.anyio


@pytest.fixture
def claims() -> dict[str, Any]:
    now = int(time.time())
    return {
        "sub": "johndoe",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now,
        "exp": now + 60,
        "jti": "1",
        "role": "user",
    }


@pytest.fixture(scope="module")
async def visitor(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The service, as somebody sees it who is not logged in."""
    del client.headers["Authorization"]
    return client


async def ask(visitor: httpx.AsyncClient, authorization: str | None) -> Any:
    headers = [] if authorization is None else [(b"Authorization", authorization.encode())]
    return await visitor.post("/protected/predict", json=SCENE_EXAMPLE, headers=headers)


@pytest.mark.parametrize("how", ["data", "files"])
async def test_the_right_password_gives_a_token_from_both_kinds_of_form(visitor: httpx.AsyncClient, how: str) -> None:
    form: dict[str, Any] = {"username": "johndoe", "password": "johnsecret"}
    if how == "files":  # as multipart/form-data, without file names
        form = {name: (None, value) for name, value in form.items()}
    answer = await visitor.post("/auth/token", **{how: form})  # type: ignore[arg-type]

    assert answer.status_code == 200
    token = answer.json()
    assert token["token_type"] == "bearer"
    assert token["expires_in"] == LIFETIME_SECONDS == 1800
    read = jwt.decode(token["access_token"], options={"verify_signature": False})
    assert read["exp"] - read["iat"] == 1800
    assert set(read) == {"exp", "iat", "nbf", "iss", "aud", "sub", "jti", "role", "gen"}
    assert read["role"] == "user"


@pytest.mark.parametrize(
    ("username", "password"), [("johndoe", "wrong"), ("nobody", "johnsecret"), ("JOHNDOE", "johnsecret"), ("\0", "'")]
)
async def test_a_wrong_name_and_a_wrong_password_are_answered_alike(
    visitor: httpx.AsyncClient, username: str, password: str
) -> None:
    answer = await visitor.post("/auth/token", data={"username": username, "password": password})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="road-api"'
    assert answer.json()["detail"] == "the user name or the password is wrong"


async def test_an_unknown_user_costs_as_much_time_as_a_known_one(visitor: httpx.AsyncClient) -> None:
    async def measure(username: str) -> float:
        started = time.perf_counter()
        await visitor.post("/auth/token", data={"username": username, "password": "wrong"})
        return time.perf_counter() - started

    await measure("johndoe")
    pairs = [(await measure("johndoe"), await measure("nobody")) for _ in range(5)]
    known, unknown = (min(times) for times in zip(*pairs, strict=True))

    assert 0.3 < unknown / known < 3, "an unknown user answered without a hash takes a hundredth of the time"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"username=johndoe", "application/x-www-form-urlencoded"),
        (b"username=johndoe&username=johndoe&password=johnsecret", "application/x-www-form-urlencoded"),
        (b"username=johndoe&password=", "application/x-www-form-urlencoded"),
        (b"username=\xff\xfe&password=\xff", "application/x-www-form-urlencoded"),
        (b"username=%ff&password=%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(100)), "application/x-www-form-urlencoded"),
        (b'{"username":"johndoe","password":"johnsecret"}', "application/json"),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=a"),
        (b"--a\r\nbroken", "multipart/form-data; boundary=a"),
        (
            b'--a\r\nContent-Disposition: form-data; name="username"\r\n\r\n\xff\r\n--a--\r\n',
            "multipart/form-data; boundary=a",
        ),
        (
            b'--a\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: a/b; charset=nix\r\n\r\n\r\n--a--\r\n',
            "multipart/form-data; boundary=a",
        ),
        (
            b'--a\r\nContent-Disposition: form-data; name="username"; filename="f"\r\n\r\nx\r\n--a--\r\n',
            "multipart/form-data; boundary=a",
        ),
    ],
)
async def test_a_malformed_form_is_refused(visitor: httpx.AsyncClient, content: bytes, kind: str) -> None:
    answer = await visitor.post("/auth/token", content=content, headers={"Content-Type": kind})

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic am9obmRvZTpqb2huc2VjcmV0", "Token abc"]
)
async def test_without_a_token_the_door_is_shut(visitor: httpx.AsyncClient, authorization: str | None) -> None:
    answer = await ask(visitor, authorization)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="road-api"'
    assert "/auth/token" in answer.json()["detail"]


async def test_our_own_token_opens_it(visitor: httpx.AsyncClient, claims: dict[str, Any], secret: str) -> None:
    answer = await ask(visitor, f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}")

    assert answer.status_code == 200


def _unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}."


def _signed(claims: dict[str, Any], secret: str, **changes: Any) -> str:
    content = json.dumps({**claims, **changes}).encode()  # jwt.encode refuses some of what an attacker would not
    return jwt.PyJWS().encode(content, secret, algorithm="HS256")


ATTACKS: dict[str, Callable[[dict[str, Any], str], str]] = {
    "no algorithm": lambda claims, _: _unsigned(claims, "none"),
    "no algorithm, other case": lambda claims, _: _unsigned(claims, "nOnE"),
    "no signature": lambda claims, _: _unsigned(claims, "HS256"),
    "an asymmetric algorithm with no key": lambda claims, _: _unsigned(claims, "RS256"),
    "another key": lambda claims, secret: _signed(claims, secret[::-1]),
    "our key with another algorithm": lambda claims, secret: jwt.encode(claims, secret, algorithm="HS512"),
    "other claims under our signature": lambda claims, secret: ".".join(
        (_unsigned({**claims, "exp": 2**40}, "HS256")[:-1], _signed(claims, secret).rpartition(".")[2])
    ),
    "expired": lambda claims, secret: _signed(claims, secret, exp=claims["iat"] - 1),
    "not yet": lambda claims, secret: _signed(claims, secret, nbf=claims["iat"] + 600),
    "another audience": lambda claims, secret: _signed(claims, secret, aud="somebody-else"),
    "another issuer": lambda claims, secret: _signed(claims, secret, iss="somebody-else"),
    "a user who does not exist": lambda claims, secret: _signed(claims, secret, sub="mallory"),
    "a subject that is no text": lambda claims, secret: _signed(claims, secret, sub={"$ne": ""}),
    "a role that is none": lambda claims, secret: _signed(claims, secret, role="root"),
    "a role that is no text": lambda claims, secret: _signed(claims, secret, role=["admin"]),
    "a role that the user does not have": lambda claims, secret: _signed(claims, secret, role="admin"),
    "a date that is none": lambda claims, secret: _signed(claims, secret, exp="never"),
    "a key of the attacker's in the header": lambda claims, _: jwt.encode(
        claims, "attacker" * 8, headers={"jwk": {"kty": "oct", "k": "YXR0YWNrZXI"}, "kid": "../../dev/null"}
    ),
    "rubbish": lambda *_: "é.ü.à",
    "dots": lambda *_: "..",
    "a lot": lambda *_: "a" * 20_000,
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_forged_or_spent_token_is_refused(
    visitor: httpx.AsyncClient, claims: dict[str, Any], secret: str, attack: str
) -> None:
    answer = await ask(visitor, f"Bearer {ATTACKS[attack](claims, secret)}")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="road-api", error="invalid_token"'


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf", "iss", "aud", "sub", "jti", "role"])
async def test_a_token_without_one_of_our_claims_is_refused(
    visitor: httpx.AsyncClient, claims: dict[str, Any], secret: str, claim: str
) -> None:
    del claims[claim]
    answer = await ask(visitor, f"Bearer {_signed(claims, secret)}")

    assert answer.status_code == 401


async def test_outside_demonstration_mode_only_the_configured_user_gets_in(start: Any, secret: str) -> None:
    own = {
        "demo": False,
        "jwt_secret": secret,
        "username": "dispatch",
        "password_hash": PasswordHasher().hash("a long password"),
    }
    async with start(wait=False, **own) as service:
        demo = await service.post("/auth/token", data={"username": "johndoe", "password": "johnsecret"})
        right = await service.post("/auth/token", data={"username": "dispatch", "password": "a long password"})

    assert demo.status_code == 401
    assert right.status_code == 200


async def test_a_hash_that_cannot_be_read_lets_nobody_in() -> None:
    check = PasswordCheck(FixedUsers([User("somebody", "$argon2id$broken")]))

    assert await check.find("somebody", "anything") is None


def test_two_tokens_are_never_the_same(secret: str) -> None:
    tokens = Tokens(secret)

    assert tokens.make("johndoe") != tokens.make("johndoe")
