"""The page for dispatchers and the files it loads, all served by the service itself: it works offline."""

from typing import Final

from litestar import MediaType, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from road_api.page.render import FILES_DIR, name_version, render_page

PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}
"""Nothing from other servers, nothing inline, no framing."""

KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Media types by suffix; those of ``mimetypes`` depend on the machine."""

MAX_AGE_SECONDS: Final = 365 * 24 * 60 * 60
"""One year: a file with other content has another address."""


def make_page_router() -> Router:
    """Read the page and its files once, and serve them from memory: the page at ``/``, the files below their version.

    Returns:
        The routes of the page and of its files.
    """
    folder = f"/page/{name_version()}"
    page = render_page(folder).encode()
    contents = {file.name: (file.read_bytes(), KINDS[file.suffix]) for file in FILES_DIR.iterdir()}

    @get("/", include_in_schema=False)
    async def show_page() -> Response[bytes]:
        return Response(page, media_type=MediaType.HTML, headers={"Cache-Control": "no-cache"})

    @get(f"{folder}/{{name:str}}", include_in_schema=False)
    async def show_file(name: FromPath[str]) -> Response[bytes]:
        if name not in contents:
            raise NotFoundException(f"the page has no file {name!r}")
        content, kind = contents[name]
        return Response(
            content, media_type=kind, headers={"Cache-Control": f"public, max-age={MAX_AGE_SECONDS}, immutable"}
        )

    return Router("/", route_handlers=[show_page, show_file], response_headers=PAGE_HEADERS)
