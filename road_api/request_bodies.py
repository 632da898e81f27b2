"""Reading request bodies: JSON as bytes, form fields, uploaded files. Whatever is wrong with them ends in a 4xx."""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from litestar import Request
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException, HTTPException, InternalServerException

from road_api.multipart_file import MAX_PARTS, MultipartError, read_file_part

MAX_FIELDS: Final = MAX_PARTS
"""Fields of a text form, which is kept in memory as a whole."""

AnyRequest = Request[Any, Any, Any]

PLAIN: Final = "identity"
"""The only content coding that is accepted: a few compressed bytes may expand to gigabytes."""


async def read_body(request: AnyRequest) -> bytes:
    """Read the body.

    Raises:
        HTTPException: it is compressed (415).
        ClientException: it is larger than the route allows (413), or broke off (400).
    """
    _refuse_codings(request)
    try:
        return await request.body()
    except InternalServerException as error:  # what the framework raises when the caller hangs up
        raise ClientException("the connection closed before the body was complete") from error


async def read_text_fields(request: AnyRequest, *names: str) -> list[str]:
    """Read text fields of a form.

    Args:
        request: with a form, urlencoded or multipart.
        names: the fields wanted, each exactly once.

    Returns:
        Their values, in the order of the names.

    Raises:
        ClientException: there is no form, it is malformed, or a field is missing, empty, doubled or a file.
    """
    form = await _read_form(request)
    values = []
    for name in names:
        match form.get(name):
            case [str(value)] if value:
                values.append(value)
            case _:
                raise ClientException(f"the form field {name!r} is needed, once and as text")
    return values


async def read_file_field(request: AnyRequest, name: str) -> UploadFile:
    """Find an uploaded file; a large one lies on disk.

    Args:
        request: with a multipart form.
        name: the field that holds the file.

    Returns:
        The file, to be closed by the caller.

    Raises:
        HTTPException: the form is compressed (415).
        ClientException: there is no multipart form, it is malformed, or the field does not hold exactly one file.
    """
    _refuse_codings(request)
    kind, options = request.content_type
    how = f"send one file as the field {name!r} of a multipart/form-data form, for instance: curl -F {name}=@users.csv"
    if kind != RequestEncodingType.MULTI_PART or not options.get("boundary"):
        raise ClientException(how)
    try:
        return await read_file_part(request.stream(), options["boundary"], name)
    except MultipartError as error:
        raise ClientException(f"{error}; {how}") from error
    except InternalServerException as error:
        raise ClientException("the connection closed before the form was complete") from error


def _refuse_codings(request: AnyRequest) -> None:
    coding = request.headers.get("content-encoding", PLAIN).strip().lower()
    if coding not in {"", PLAIN}:
        raise HTTPException(
            "the body is compressed; send it as it is, without Content-Encoding",
            status_code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            headers={"Accept-Encoding": PLAIN},
        )


async def _read_form(request: AnyRequest) -> dict[str, list[Any]]:
    _refuse_codings(request)
    try:
        if request.content_type[0] == RequestEncodingType.URL_ENCODED:
            # Not request.form(): it keeps the last thousand urlencoded forms in memory, passwords included.
            return parse_qs((await read_body(request)).decode(), max_num_fields=MAX_FIELDS, errors="strict")
        return (await request.form()).dict()
    except InternalServerException as error:
        raise ClientException("the connection closed before the form was complete") from error
    except (LookupError, ValueError) as error:  # broken encodings, unknown charsets, no boundary, too many fields
        raise ClientException("the form cannot be read: its encoding or its boundary is broken") from error
