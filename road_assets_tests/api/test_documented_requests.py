"""The requests in the documents, made by ``curl`` in a shell as they stand there, to a real service."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from anyio import to_thread

from road_assets.core.vocabulary import SCENE_EXAMPLE
from road_assets_tests.api.explained_bundles import make_explained_bundle
from road_assets_tests.docs.documents import NAMES, command_lines

pytestmark = pytest.mark.anyio

PLACE: Final = "http://127.0.0.1:8000"
ROAD: Final = ".venv/bin/road"


def _script(name: str) -> str:
    """Lines that ask the service, in the order of the document."""
    return "\n".join(line for line in command_lines(name) if re.match(r"(TOKEN=|curl )", line))


WITH_REQUESTS: Final = [name for name in NAMES if _script(name)]


def test_the_documents_have_requests() -> None:
    assert {"README.md", "road_assets/docs/service.md", "road_assets/docs/drift.md"} <= set(WITH_REQUESTS)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("name", WITH_REQUESTS)
async def test_requests_are_answered_as_pasted(  # noqa: PLR0913, PLR0917 - what the requests need
    name: str,
    start_server: Any,
    registry: Any,
    secret: str,
    tables_url: str,
    dagster_address: str,
    tmp_path: Path,
) -> None:
    registry.publish("1", make_explained_bundle())
    (tmp_path / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\nnoproxy = *\nwrite-out = \\n\n")
    features = ";".join(SCENE_EXAMPLE), ";".join(map(str, SCENE_EXAMPLE.values()))
    (tmp_path / "users.csv").write_text("\n".join((*features, "")))
    environment = {**os.environ, "CURL_HOME": str(tmp_path), "ROAD_HOME": str(tmp_path), "ROAD_API_JWT_SECRET": secret}
    async with start_server(jwt_secret=secret, database_url=tables_url, dagster_url=dagster_address) as client:
        script = (
            _script(name).replace(PLACE, str(client.base_url)).replace(ROAD, f"{sys.executable} -m road_assets.cli")
        )
        command = ["/bin/bash", "-euo", "pipefail", "-c", script]
        answer = await to_thread.run_sync(
            lambda: subprocess.run(  # noqa: S603 - the project's own documents
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
            )
        )
    assert answer.returncode == 0, (answer.stdout, answer.stderr)
    asked = [line for line in script.splitlines() if line.startswith("curl ")]
    assert len([line for line in answer.stdout.splitlines() if line.startswith("{")]) + ("-o " in script) == len(asked)
    if "answered.csv" in script:
        head, row = (tmp_path / "answered.csv").read_text().splitlines()
        assert head.split(";")[-4:] == ["prediction", "probability", "label", "error"]
        assert 0 < float(row.split(";")[-3]) < 1
