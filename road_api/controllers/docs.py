"""The way to the documents, and Swagger UI's files, served from here so that the page works without the network."""

from litestar import Router, get
from litestar.response import Redirect
from litestar.static_files import create_static_files_router

from road_api.openapi import DOCS_FILES_PATH, DOCS_PATH, swagger_files


@get("/openapi.json", include_in_schema=False, status_code=307)
async def go_to_openapi() -> Redirect:
    """Send programs that look in the usual place to the OpenAPI document."""
    return Redirect(f"{DOCS_PATH}/openapi.json", status_code=307)


def make_docs_files_router() -> Router:
    """Serve the files of Swagger UI."""
    return create_static_files_router(path=DOCS_FILES_PATH, directories=[swagger_files()], include_in_schema=False)
