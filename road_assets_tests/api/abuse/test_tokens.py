"""Forged tokens beyond those of ``test_auth``: what a parser stumbles over before it looks at the signature."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from road_api.tokens import AUDIENCE, ISSUER, Tokens
from road_assets.core.vocabulary import SCENE_EXAMPLE

pytestmark = pytest.mark.anyio


def encode(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def sign(head: bytes, claims: bytes, key: bytes) -> str:
    signed = encode(head) + b"." + encode(claims)
    return (signed + b"." + encode(hmac.digest(key, signed, hashlib.sha256))).decode()


def good_claims(**changes: Any) -> bytes:
    now = int(time.time())
    claims = {"sub": "johndoe", "iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 60}
    return json.dumps({**claims, "jti": "1", "role": "user", "gen": 0, **changes}).encode()


HEAD = b'{"alg":"HS256","typ":"JWT"}'

HEADS = {
    "deep": b'{"alg":"HS256","a":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "no object": b"[]",
    "no JSON": b"HS256",
    "no algorithm": b"{}",
    "an algorithm that is no text": b'{"alg":["HS256"]}',
    "an algorithm twice": b'{"alg":"HS256","alg":"none"}',
    "a number of 10,000 digits": b'{"alg":"HS256","a":' + b"9" * 10_000 + b"}",
    "a critical extension": b'{"alg":"HS256","crit":["b64"],"b64":false}',
    "lone surrogates": b'{"alg":"HS256","kid":"\\ud800"}',
    "not UTF-8": b'{"alg":"HS256","kid":"\xff"}',
    "kid: a path": b'{"alg":"HS256","kid":"../../../../dev/null"}',
    "kid: SQL": b'{"alg":"HS256","kid":"x\' UNION SELECT \'key"}',
    "kid: a list": b'{"alg":"HS256","kid":["old"]}',
    "kid: an object": b'{"alg":"HS256","kid":{}}',
    "kid: null": b'{"alg":"HS256","kid":null}',
    "kid: long": b'{"alg":"HS256","kid":"' + b"a" * 10_000 + b'"}',
    "an address to fetch keys from": b'{"alg":"HS256","jku":"http://127.0.0.1:1/keys","x5u":"http://127.0.0.1:1/"}',
}


@pytest.fixture(params=["one key", "two keys"])
async def door(request: pytest.FixtureRequest, start: Callable[..., Any], secret: str) -> AsyncIterator[Any]:
    """Asks with a token; the service has one key or several."""
    keys = {"jwt_secret": secret} if request.param == "one key" else {"jwt_keys": f"new:{secret},old:{secret[::-1]}"}
    async with start(wait=False, **keys) as service:

        async def ask(token: str) -> httpx.Response:
            header = {"Authorization": f"Bearer {token}"}
            response: httpx.Response = await service.post("/protected/predict", json=SCENE_EXAMPLE, headers=header)
            return response

        yield ask


async def test_no_head_opens_the_door_or_breaks_it(door: Any) -> None:
    for name, head in HEADS.items():
        for key in (b"", b"\0", b"key"):
            answer = await door(sign(head, good_claims(), key))
            assert answer.status_code == 401, name
            assert answer.headers["content-type"] == "application/problem+json"


async def test_claims_that_were_signed_by_nobody_are_not_read(door: Any) -> None:
    deep = b'{"sub":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    for claims in (deep, b"[]", b"\xff", good_claims(exp=2**70), good_claims(sub="operator:root", role="admin")):
        assert (await door(sign(HEAD, claims, b"a guess" * 8))).status_code == 401


async def test_a_public_key_in_place_of_the_secret_opens_nothing(door: Any) -> None:
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    key = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for algorithm in ("HS256", "RS256", "ES256", "EdDSA", "none"):
        head = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
        assert (await door(sign(head, good_claims(), key))).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [{"exp": float("inf")}, {"nbf": "now"}, {"iat": [1]}, {"aud": {}}, {"gen": "0"}, {"sub": 1}],
)
async def test_even_under_our_signature_claims_must_make_sense(
    start: Callable[..., Any], secret: str, changes: dict[str, Any]
) -> None:
    async with start(wait=False, jwt_secret=secret) as service:
        token = sign(HEAD, good_claims(**changes), secret.encode())
        header = {"Authorization": f"Bearer {token}"}
        assert (await service.post("/protected/predict", json=SCENE_EXAMPLE, headers=header)).status_code == 401


async def test_a_token_of_a_key_that_was_taken_away_is_not_good(secret: str) -> None:
    token = Tokens({"old": secret}).make("johndoe")
    with pytest.raises(jwt.InvalidTokenError):
        Tokens({"new": secret[::-1], "newer": secret[1:]}).read(token)
