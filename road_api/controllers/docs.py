"""Swagger UI's files, served by the service itself so that ``/docs`` works offline, and ``/openapi.json``."""

from typing import Final

from litestar import Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from road_api.openapi import DOCS_FILES_PATH, DOCS_PATH, swagger_files

KINDS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-standalone-preset.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
"""The files that the page loads, with their media types; no other file of the package is served."""

MAX_AGE_SECONDS: Final = 60 * 60


@get("/openapi.json", include_in_schema=False, status_code=307)
async def go_to_openapi() -> Redirect:
    """Redirect programs from the usual address to the OpenAPI document."""
    return Redirect(f"{DOCS_PATH}/openapi.json", status_code=307)


def make_docs_files_router() -> Router:
    """Read the files of Swagger UI (2.1 MB) once, and serve them from memory: no requested path reaches the disk."""
    folder = swagger_files()
    contents = {name: (folder / name).read_bytes() for name in KINDS}

    @get("/{name:str}", include_in_schema=False)
    async def show_docs_file(name: FromPath[str]) -> Response[bytes]:
        if name not in contents:
            raise NotFoundException("the documents have no such file")
        headers = {"Cache-Control": f"public, max-age={MAX_AGE_SECONDS}"}
        return Response(contents[name], media_type=KINDS[name], headers=headers)

    return Router(DOCS_FILES_PATH, route_handlers=[show_docs_file])
