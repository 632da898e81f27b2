"""Signing keys that are rotated while tokens are out."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest

from road_api.tokens import Tokens, read_keys
from road_assets.core.vocabulary import SCENE_EXAMPLE

pytestmark = pytest.mark.anyio

OLD, NEW = "0123456789abcdefghijklmnopqrstuvwxyz-old", "zyxwvutsrqponmlkjihgfedcba9876543210-new"


def test_the_first_key_signs_and_is_named_and_all_verify() -> None:
    before, during, after = Tokens({"old": OLD}), Tokens({"new": NEW, "old": OLD}), Tokens({"new": NEW})
    old, new = before.make("ann"), during.make("ann")

    assert (jwt.get_unverified_header(old)["kid"], jwt.get_unverified_header(new)["kid"]) == ("old", "new")
    assert during.read(old)["sub"] == during.read(new)["sub"] == after.read(new)["sub"] == "ann"
    with pytest.raises(jwt.InvalidTokenError):
        after.read(old)


def test_tokens_of_the_single_secret_stay_good_beside_the_keys() -> None:
    single = Tokens(OLD).make("ann")

    assert "kid" not in jwt.get_unverified_header(single)
    assert Tokens({"new": NEW, "": OLD}).read(single)["sub"] == "ann"
    with pytest.raises(jwt.InvalidTokenError, match="no such key"):
        Tokens({"new": NEW, "old": OLD}).read(single)


@pytest.mark.parametrize("kid", ["old", "nobody's", "../../dev/null", "", 7, None, {"a": 1}])
def test_a_token_that_names_another_key_than_signed_it_is_refused(kid: Any) -> None:
    forged = _sign(Tokens(NEW).make("ann"), kid)

    with pytest.raises(jwt.InvalidTokenError):
        Tokens({"new": NEW, "old": OLD}).read(forged)


def _sign(token: str, kid: Any) -> str:
    """Sign a token's claims with the new key under another key's name, which PyJWT itself would partly refuse."""

    def encode(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    head = encode(json.dumps({"alg": "HS256", "typ": "JWT", "kid": kid}).encode())
    signed = f"{head}.{token.split('.')[1]}"
    return f"{signed}.{encode(hmac.new(NEW.encode(), signed.encode(), hashlib.sha256).digest())}"


def test_the_same_claims_under_the_right_name_are_taken() -> None:
    assert Tokens({"new": NEW, "old": OLD}).read(_sign(Tokens(NEW).make("ann"), "new"))["sub"] == "ann"


@pytest.mark.parametrize("text", ["", "a", "a:", ":s3cret", "a:s3cret,", "a:s3cret,a:s3cret2"])
def test_keys_that_cannot_be_read_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"^key \d ") as caught:
        read_keys(text)
    assert "s3cret" not in str(caught.value)


async def test_a_service_with_keys_signs_with_the_first_and_takes_all(
    start: Any, registry: Any, make_bundle: Any
) -> None:
    registry.publish("1", make_bundle(-1.0))
    async with start(jwt_keys=f"new:{NEW},old:{OLD}") as service:
        form = {"username": "johndoe", "password": "johnsecret"}
        token = (await service.post("/auth/token", data=form)).json()["access_token"]
        statuses = [
            (
                await service.post(
                    "/protected/predict", json=SCENE_EXAMPLE, headers={"Authorization": f"Bearer {given}"}
                )
            ).status_code
            for given in (token, Tokens({"old": OLD}).make("johndoe"), Tokens({"gone": OLD}).make("johndoe"))
        ]

    assert jwt.get_unverified_header(token)["kid"] == "new"
    assert statuses == [200, 200, 401]
