"""Reading one file of a multipart form as a stream; the other parts of the form are discarded.

The framework's own parser keeps every part without a file name in memory, up to the size of the whole body.
"""

from collections.abc import AsyncIterator
from typing import Final

from litestar.datastructures import UploadFile
from multipart import MultipartSegment, ParserError, ParserLimitReached, PushMultipartParser

MAX_PARTS: Final = 32


class MultipartError(ValueError):
    """A form that cannot be read, or does not hold exactly one file under the name; the message says why."""


async def read_file_part(stream: AsyncIterator[bytes], boundary: str, name: str) -> UploadFile:
    """Read a form to its end.

    Args:
        stream: the body.
        boundary: of the parts, from the content type.
        name: of the field with the file.

    Returns:
        The file, positioned at its start; the caller closes it. A large one lies on disk.

    Raises:
        MultipartError: the form is malformed or has too many parts, or the field is missing, doubled or no file.
    """
    reader = _Reader(name)
    try:
        with PushMultipartParser(boundary, max_segment_count=MAX_PARTS) as parser:
            while not parser.closed:
                for event in parser.parse(await anext(stream, b"")):
                    await reader.take(event)
        return await reader.finish()
    except BaseException as error:
        await reader.close()
        if isinstance(error, ParserLimitReached):
            raise MultipartError(f"the form has more than {MAX_PARTS} parts, or a part with too long a head") from error
        if isinstance(error, ParserError | UnicodeError):
            raise MultipartError("the form cannot be read: its encoding or its boundary is broken") from error
        raise


class _Reader:
    """Collects the wanted part."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: UploadFile | None = None
        self._taking = False

    async def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """Handle an event of the parser: a part's head, a piece of its content, or its end."""
        if isinstance(event, MultipartSegment):
            self._taking = event.name == self._name
            if self._taking:
                self._begin(event)
        elif event and self._taking and self._file is not None:
            await self._file.write(bytes(event))

    async def finish(self) -> UploadFile:
        """Return the file."""
        if self._file is None:
            raise MultipartError(f"the form has no field {self._name!r}")
        await self._file.seek(0)
        return self._file

    async def close(self) -> None:
        """Discard what was collected."""
        if self._file is not None:
            await self._file.close()

    def _begin(self, part: MultipartSegment) -> None:
        if self._file is not None:
            raise MultipartError(f"the form has the field {self._name!r} more than once")
        if not part.filename:
            raise MultipartError(f"the field {self._name!r} is text without a file name")
        self._file = UploadFile(content_type=part.content_type or "text/plain", filename=part.filename)
