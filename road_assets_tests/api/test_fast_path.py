"""The fast path and the framework give the same bytes; a query string keeps a request off the fast path."""

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from road_api import tokens as tokens_module
from road_api.auth import FixedUsers, TokenCheck, User
from road_api.fast_path import PATH, FastPath
from road_api.instrumentation import Instrumentation
from road_api.metrics import Metrics
from road_api.services.field_codes import FIELDS, unknown_codes
from road_api.services.quick_scene import read_valid_scene
from road_api.services.scene import read_scene
from road_api.tokens import ALGORITHM, Tokens
from road_assets.core.quick_scorer import values_of
from road_assets.core.scene_fields import FULL_EXAMPLE_FIELDS
from road_assets.core.vocabulary import FEATURE_BY_NAME, SCENE_EXAMPLE

pytestmark = pytest.mark.anyio

EXAMPLE = json.dumps(SCENE_EXAMPLE).encode()
FRAMEWORK = f"{PATH}?framework"

VALID_SCENES = st.fixed_dictionaries(
    {
        field.name: st.sampled_from([None, *unknown_codes(field), *sorted(field.values), float(min(field.values))])
        for field in FIELDS
        if field.name in FEATURE_BY_NAME
    },
    optional={
        field.name: st.sampled_from([None, *unknown_codes(field), *sorted(field.values)])
        for field in FIELDS
        if field.name not in FEATURE_BY_NAME
    },
)
ANY_VALUE = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.none(), max_size=1)
)


async def ask_both(client: httpx.AsyncClient, body: bytes, **headers: str) -> tuple[httpx.Response, httpx.Response]:
    sent = {"X-Request-ID": "the-same", **headers}
    return (
        await client.post(PATH, content=body, headers=sent),
        await client.post(FRAMEWORK, content=body, headers=sent),
    )


def assert_same(short: httpx.Response, long: httpx.Response) -> None:
    assert short.status_code == long.status_code
    assert short.content == long.content
    assert sorted(short.headers.raw) == sorted(long.headers.raw)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scene=VALID_SCENES)
def test_a_valid_question_is_read_as_the_framework_reads_it(scene: dict[str, Any]) -> None:
    content = json.dumps(scene).encode()
    cells = read_valid_scene(content)
    assert cells is not None
    assert values_of(cells).tobytes() == read_scene(content).tobytes()


@settings(max_examples=150, deadline=None)
@given(scene=VALID_SCENES, name=st.sampled_from([*SCENE_EXAMPLE, *FULL_EXAMPLE_FIELDS, "grav"]), value=ANY_VALUE)
def test_the_fast_path_reads_exactly_what_the_framework_accepts(scene: dict[str, Any], name: str, value: Any) -> None:
    content = json.dumps({**scene, name: value}).encode()
    cells = read_valid_scene(content)
    try:
        row = read_scene(content)
    except ValueError:
        assert cells is None
    else:
        assert cells is not None
        assert values_of(cells).tobytes() == row.tobytes()


async def test_both_paths_give_the_same_bytes(client: httpx.AsyncClient) -> None:
    questions = [{**SCENE_EXAMPLE, **FULL_EXAMPLE_FIELDS}, SCENE_EXAMPLE, dict.fromkeys(SCENE_EXAMPLE)]
    questions += [{**SCENE_EXAMPLE, "lum": code, "age": age} for code in (1, 2.0, -1, None) for age in (0, 40, 120)]
    for question in questions:
        short, long = await ask_both(client, json.dumps(question, indent=2).encode())
        assert short.status_code == 200
        assert_same(short, long)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        EXAMPLE[:-1],
        EXAMPLE.replace(b'"lum": 5', b'"lum": true'),
        EXAMPLE.replace(b'"lum": 5', b'"lum": 6'),
        EXAMPLE.replace(b'"lum": 5', b'"lum": 5.5'),
        EXAMPLE.replace(b'"lum": 5', b'"lum": "5"'),
        EXAMPLE.replace(b'"lum": 5', b'"lum": 1e400'),
        EXAMPLE.replace(b'"lum": 5', b'"lum": 6, "lum": 5'),
        EXAMPLE.replace(b'"lum": 5', b'"lum": 5, "lum": 6'),
        EXAMPLE.replace(b"{", b'{"age": 20, "age": 20, '),
        EXAMPLE.replace(b'"lum": 5, ', b""),
        EXAMPLE.replace(b"{", b'{"grav": 1, '),
        EXAMPLE.replace(b"{", b'{"\xff": 1, '),
        EXAMPLE + b" " * 5000,
        EXAMPLE + b" " * 70_000,
        b"[" * 3000,
    ],
    ids=lambda body: repr(body[-30:]),
)
async def test_what_is_wrong_is_answered_as_the_framework_answers_it(client: httpx.AsyncClient, body: bytes) -> None:
    assert_same(*await ask_both(client, body))


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_encoded_bodies_are_answered_as_the_framework_answers_them(
    client: httpx.AsyncClient, coding: str
) -> None:
    short, long = await ask_both(client, EXAMPLE, **{"Content-Encoding": coding})
    assert short.status_code == (200 if coding == "identity" else 415)
    assert_same(short, long)


async def test_bad_tokens_are_refused_alike(client: httpx.AsyncClient, secret: str) -> None:
    good = client.headers["authorization"].partition(" ")[2]
    expired = jwt.encode({**jwt.decode(good, options={"verify_signature": False}), "exp": 1}, secret, ALGORITHM)
    for header in ("", "Basic abc", "Bearer", "Bearer x.y.z", f"Bearer {good[:-2]}", f"Bearer {expired}"):
        short, long = await ask_both(client, EXAMPLE, Authorization=header)
        assert short.status_code == 401
        assert_same(short, long)
    for header in (f"bearer {good}", f"Bearer  {good} "):
        short, long = await ask_both(client, EXAMPLE, Authorization=header)
        assert short.status_code == 200
        assert_same(short, long)


class Framework:
    """What stands behind the fast path: it keeps the bodies that it is handed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, _: Any, receive: Any, __: Any) -> None:
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        self.bodies.append(body)


class Setup:
    """A fast path before a framework, with a model that always answers 0.25 and one user, ann."""

    def __init__(self, secret: str) -> None:
        bundle = SimpleNamespace(predict_one=lambda _: 0.25, manifest=SimpleNamespace(threshold=0.5, data="official"))
        self.store: Any = SimpleNamespace(current=SimpleNamespace(bundle=bundle, ref=SimpleNamespace(version="1")))
        self.logged: list[Any] = []
        log: Any = SimpleNamespace(for_request=lambda *who: lambda *what: self.logged.append((who, what)))
        self._tokens, self._framework = Tokens(secret), Framework()
        check = TokenCheck(self._tokens, FixedUsers([User("ann", "")]))
        self._fast_path = FastPath(Instrumentation(self._framework, Metrics()), check, self.store, log)

    def authorization(self, username: str = "ann") -> tuple[bytes, bytes]:
        return b"authorization", f"Bearer {self._tokens.make(username)}".encode()

    async def hands_on(self, *pieces: bytes, **changes: Any) -> bool:
        """Whether a request, sent in pieces, was handed on to the framework; if not, it was answered."""
        self._framework.bodies.clear()
        waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        waiting[-1]["more_body"] = False
        sent = []
        scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "state": {}}

        async def receive() -> Any:
            return waiting.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await self._fast_path({**scope, "headers": [self.authorization()], **changes}, receive, send)  # type: ignore[arg-type]
        assert bool(sent) != bool(self._framework.bodies)
        assert not self._framework.bodies or self._framework.bodies == [b"".join(pieces)]
        return bool(self._framework.bodies)


async def test_only_valid_questions_stay_off_the_framework(secret: str) -> None:
    setup = Setup(secret)

    assert not await setup.hands_on(EXAMPLE)
    assert len(setup.logged) == 1
    assert await setup.hands_on(EXAMPLE[:20], EXAMPLE[20:])
    assert await setup.hands_on(b"{}")
    assert await setup.hands_on(EXAMPLE, method="PUT")
    assert await setup.hands_on(EXAMPLE, query_string=b"explain=true")
    assert await setup.hands_on(EXAMPLE, path=PATH + "_csv")
    assert await setup.hands_on(EXAMPLE, headers=[])
    assert await setup.hands_on(EXAMPLE, headers=[setup.authorization()] * 2)
    assert await setup.hands_on(EXAMPLE, headers=[setup.authorization("bob")])
    setup.store.current = None
    assert await setup.hands_on(EXAMPLE)
    assert len(setup.logged) == 1


async def test_where_the_fast_path_fails_the_framework_answers(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(request_id: str) -> httpx.Response:
        return await client.post(PATH, content=EXAMPLE, headers={"X-Request-ID": request_id})

    expected = await ask("before")
    monkeypatch.setattr("road_api.fast_path.make_prediction", lambda *_: 1 / 0)
    with structlog.testing.capture_logs() as log:
        answer = await ask("after")
    assert answer.status_code == 200
    assert answer.json() == expected.json()
    (told,) = [entry for entry in log if entry["event"] == "the fast path failed"]
    assert (told["request_id"], told["exc_info"]) == ("after", True)


async def test_both_paths_are_counted_and_logged_once(client: httpx.AsyncClient) -> None:
    async def read() -> list[float]:
        text = (await client.get("/metrics")).text
        route = f'method="POST",path="{PATH}"'
        names = [f'http_requests_total{{{route},status_code="200"}}']
        names += [f"http_{side}_size_bytes_sum{{{route}}}" for side in ("request", "response")]
        values = dict(line.rsplit(" ", 1) for line in text.splitlines())
        return [float(values[name]) for name in names]

    await ask_both(client, EXAMPLE)
    before = await read()
    with structlog.testing.capture_logs() as log:
        short, long = await ask_both(client, EXAMPLE)
    grown = [now - then for now, then in zip(await read(), before, strict=True)]
    assert grown == [2, 2 * len(EXAMPLE), 2 * len(short.content)]
    told = [{key: entry[key] for key in ("method", "path", "status", "request_id")} for entry in log]
    assert told[0] == told[1] == {"method": "POST", "path": PATH, "status": 200, "request_id": "the-same"}
    assert long.content == short.content


def test_a_cached_token_still_expires(secret: str) -> None:
    tokens = Tokens(secret)
    claims = jwt.decode(tokens.make("ann"), options={"verify_signature": False})
    token = jwt.encode({**claims, "exp": int(time.time()) + 1}, secret, ALGORITHM)

    assert tokens.read(token) is tokens.read(token)
    time.sleep(1.1)
    with pytest.raises(jwt.ExpiredSignatureError):
        tokens.read(token)
    with pytest.raises(jwt.ExpiredSignatureError):
        tokens.read(token)


def test_no_more_tokens_are_cached_than_allowed(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "CACHED_TOKENS", 3)
    tokens = Tokens(secret)
    made = [tokens.make("ann") for _ in range(5)]
    first = [tokens.read(token) for token in made]

    assert [tokens.read(token) is before for token, before in zip(made[2:], first[2:], strict=True)] == [True] * 3
    assert tokens.read(made[0]) is not first[0]
    with pytest.raises(jwt.InvalidTokenError):
        tokens.read(made[4][:-3] + "abc")


async def test_a_swap_is_seen_at_once_on_the_fast_path(
    start: Callable[..., Any], registry: Any, make_bundle: Callable[..., Any], log_in: Callable[..., Any], until: Any
) -> None:
    registry.publish("1", make_bundle(-1.0))
    async with start() as client:
        header = {"Authorization": f"Bearer {await log_in(client)}"}
        before = (await client.post(PATH, content=EXAMPLE, headers=header)).json()
        registry.publish("2", make_bundle(1.0))
        await until(client, lambda health: health.get("model_version") == "2")
        after = (await client.post(PATH, content=EXAMPLE, headers=header)).json()

    assert (before["model_version"], after["model_version"]) == ("1", "2")
    assert before["probability"] < after["probability"]
