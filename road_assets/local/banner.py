"""The message when the platform is ready: addresses, how to log in, and a request to paste into a terminal."""

import json
from typing import Final

from road_assets.core.vocabulary import SCENE_EXAMPLE

DEMO_USER: Final = "johndoe"
DEMO_PASSWORD: Final = "johnsecret"  # noqa: S105 - of the demonstration on loopback, printed for everybody
"""As in ``road_api.auth``, whose import would cost the supervisor seconds; a test compares them."""


def curl(api: str, user: str, password: str) -> str:
    """A shell command that logs in and asks for an estimate, with curl and sed alone."""
    token = (
        f"TOKEN=$(curl -s -d 'username={user}' -d 'password={password}' {api}/auth/token"
        """ | sed -E 's/.*"access_token" *: *"([^"]+)".*/\\1/')"""
    )
    question = json.dumps(SCENE_EXAMPLE, separators=(",", ":"))
    ask = f"curl -s -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{question}'"
    return f"{token}; {ask} {api}/protected/predict"


def banner(addresses: dict[str, str], *, demo: bool, data: str | None, seconds: float) -> str:
    """The whole message.

    Args:
        addresses: of ``api``, ``dagster`` and ``mlflow``.
        demo: whether the known user may log in.
        data: where the accidents come from, if it is known.
        seconds: since the start.
    """
    api = addresses["api"]
    lines = [
        f"Ready after {seconds:.0f} s. Ctrl-C stops everything, `make down` does so from elsewhere.",
        "",
        f"  page       {api}/",
        f"  service    {api}/docs",
        f"  Dagster    {addresses['dagster']}",
        f"  MLflow     {addresses['mlflow']}",
    ]
    if data:
        lines += ["", f"  data       {data}"]
    if demo:
        lines += ["", f"  log in as  {DEMO_USER}, password {DEMO_PASSWORD}; in a terminal:", ""]
        lines += [curl(api, DEMO_USER, DEMO_PASSWORD)]
    else:
        lines += ["", f"  log in     POST {api}/auth/token with the username and password you have configured"]
    return "\n".join(lines)
