"""*Bare*: an ASGI application that reads the body and answers with fixed bytes, on the server that the service uses.

It routes nothing, checks nothing, logs nothing and counts nothing: what is left is the cost of uvicorn itself.
"""

import sys
from typing import Any, Final

import uvicorn

ANSWER: Final = (
    b'{"user":"benchmark","prediction":[0],"probability":0.12345678901234567,"confidence":0.8765432109876543,'
    b'"label":"not severe","label_fr":"non grave","model_version":"1","data":"official"}'
)
"""As long as an answer of the service."""

HEADERS: Final = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer."""
    if scope["type"] != "http":
        raise RuntimeError("only HTTP is spoken here")
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        loop="uvloop",
        http="httptools",
    )
