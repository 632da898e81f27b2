"""The fast path of the most frequent request: a well-formed ``POST /protected/predict`` with a valid token.

Routing, dependency injection and middleware of the framework take several times as long as the estimate. Only
well-formed requests are answered here. All others are handed on, with their body, to the framework, so that each error
message and each documented behaviour has a single source. Both paths give the same bytes.
"""

from typing import Any, Final

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.exceptions import NotAuthorizedException
from litestar.types import HTTPScope, Receive, Scope, Send

from road_api.auth import TokenCheck, token_of
from road_api.instrumentation import REQUEST_ID, Instrumentation, begin_request
from road_api.security_headers import with_security_headers
from road_api.services.estimate import make_prediction
from road_api.services.model_store import ModelStore
from road_api.services.prediction_log import PredictionLog
from road_api.services.prediction_rows import ALONE
from road_api.services.quick_scene import read_valid_scene
from road_assets.core.quick_scorer import values_of

PATH: Final = "/protected/predict"

MAX_BODY_BYTES: Final = 4096
"""Of a question, indented and with all fields, some 700."""

_LOOKED_AT: Final = (b"authorization", b"content-encoding")

_HEADERS: Final = with_security_headers([(b"content-type", b"application/json")], PATH)
_OK: Final = 200

logger = structlog.get_logger()


class FastPath:
    """ASGI middleware around the instrumented application, which also counts and logs what is answered here."""

    def __init__(
        self, instrumentation: Instrumentation, check: TokenCheck, store: ModelStore, log: PredictionLog
    ) -> None:
        """Answer well-formed requests, and hand the others to the instrumented application."""
        self._instrumentation = instrumentation
        self._check = check
        self._store = store
        self._log = log
        self._encoder = msgspec.json.Encoder()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["path"] != PATH or scope["type"] != ScopeType.HTTP or not _is_candidate(scope):
            await self._instrumentation(scope, receive, send)
            return
        token = _token(scope)
        if not token or self._store.current is None:
            await self._instrumentation(scope, receive, send)
            return
        request_id, _ = begin_request(scope)
        first: Any = await receive()
        try:
            answer = await self._answer(request_id, token, first)
        except Exception:  # the framework meets the same fault, and answers it
            logger.exception("the fast path failed", request_id=request_id)
            answer = None
        if answer is None:
            await self._instrumentation(scope, _replay(first, receive), send)
            return
        length = (b"content-length", b"%d" % len(answer))
        headers = [*_HEADERS, length, (REQUEST_ID, request_id.encode())]
        head: Any = {"type": "http.response.start", "status": _OK, "headers": headers}
        await send(head)
        await send({"type": "http.response.body", "body": answer, "more_body": False})
        scope["path_template"] = PATH
        self._instrumentation.record(scope, _OK, len(first["body"]), len(answer))

    async def _answer(self, request_id: str, token: str, message: Any) -> bytes | None:
        """The body of the answer, or None if the framework has to answer."""
        if message["type"] != "http.request" or message["more_body"] or len(message["body"]) > MAX_BODY_BYTES:
            return None
        try:
            user, _ = await self._check.find(token)
        except NotAuthorizedException:
            return None
        cells = read_valid_scene(message["body"])
        model = self._store.current
        if cells is None or model is None:
            return None
        probability = model.bundle.predict_one(cells)
        log_answers = self._log.for_request(request_id, user.username, model.ref.version)
        answer = self._encoder.encode(make_prediction(model, user.username, probability))
        log_answers(values_of(cells).reshape(1, -1), (probability,), (ALONE,))
        return answer


def _is_candidate(scope: HTTPScope) -> bool:
    return scope["method"] == "POST" and not scope["query_string"]


def _token(scope: HTTPScope) -> str:
    """The bearer token of the only Authorization header; empty if there is none, or more, or the body is compressed."""
    headers = [value for name, value in scope["headers"] if name in _LOOKED_AT]
    return token_of(headers[0].decode("latin-1")) if len(headers) == 1 else ""


def _replay(message: Any, receive: Receive) -> Receive:
    """Replay a message that was already received, then go on receiving."""
    waiting = [message]

    async def receive_again() -> Any:
        return waiting.pop() if waiting else await receive()

    return receive_again
