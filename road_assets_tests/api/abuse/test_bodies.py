"""Bodies that are too large, too deep, compressed, doubled, broken, or no text."""

import gzip
import io
import json
import zipfile
import zlib
from typing import Any

import pytest

from road_assets.core.vocabulary import FEATURE_NAMES, SCENE_EXAMPLE
from road_assets_tests.api.abuse.wire import assert_refused, exchange, request
from road_assets_tests.api.service_process import Service
from road_assets_tests.load import Answer

JSON = "Content-Type: application/json"
GOOD = json.dumps(SCENE_EXAMPLE).encode()


FIRST = FEATURE_NAMES[0]
ESCAPED = f"\\u{ord(FIRST[0]):04x}{FIRST[1:]}"


def with_value(text: str) -> bytes:
    """The example with something else for the first feature."""
    first = f'"{FIRST}": {SCENE_EXAMPLE[FIRST]}'
    assert first in GOOD.decode()
    return GOOD.decode().replace(first, f'"{FIRST}": {text}').encode("utf-8", "surrogatepass")


BODIES: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "huge": (b" " * 10_000_000 + GOOD, 413),
    "deep lists": (b"[" * 60_000, 400),
    "deep lists, closed": (b"[" * 30_000 + b"]" * 30_000, 400),
    "deep objects": (b'{"a":' * 10_000, 400),
    "deeper than the limit": (b"[" * 100_000 + b"]" * 100_000, 413),
    "a deep value": (with_value("[" * 20_000 + "]" * 20_000), 400),
    "a field twice": (with_value(f'1, "{FIRST}": 2'), 400),
    "a field twice, once escaped": (with_value(f'1, "{ESCAPED}": 2'), 400),
    "NaN": (with_value("NaN"), 400),
    "infinity": (with_value("Infinity"), 400),
    "a billion": (with_value("1000000000"), 422),
    "minus a billion": (with_value("-1e9"), 422),
    "1e400": (with_value("1e400"), 400),
    "a number of 10,000 digits": (with_value("9" * 10_000), 400),
    "half a code": (with_value("1.5"), 422),
    "text": (with_value('"1"'), 422),
    "a lone surrogate, escaped": (with_value('"\\ud800"'), 400),
    "a lone surrogate": (with_value('"\ud800"'), 400),
    "a field with a lone surrogate": (b'{"\\udfff": 1}', 400),
    "UTF-16": (GOOD.decode().encode("utf-16"), 400),
    "UTF-32": (GOOD.decode().encode("utf-32"), 400),
    "latin": (b'{"\xe9": 1}', 400),
    "NULs": (bytes(1000), 400),
    "cut off": (GOOD[:-5], 400),
    "two documents": (GOOD * 2, 400),
    "no object": (b"true", 400),
    "4,000 fields": (json.dumps({str(number): 1 for number in range(4_000)}).encode(), 422),
    "a form": (b"catu=1", 400),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
def test_a_question_that_is_none_is_refused(attacked: Service, bearer: str, body: bytes, status: int) -> None:
    answer = exchange(attacked.address, request("POST", "/protected/predict", JSON, bearer, body=body or b" "))

    assert_refused(answer, status)
    assert len(answer.body) < 100_000, "what is said about it does not grow with it"


def test_the_accident_of_a_user_twice_described_is_refused(attacked: Service, bearer: str) -> None:
    accident = b'{"users": [' + GOOD + b'], "users": [' + GOOD + b"]}"
    for body in (accident, b'{"users": [' + BODIES["a field twice"][0] + b"]}"):
        assert_refused(
            exchange(attacked.address, request("POST", "/protected/predict_accident", bearer, body=body)), 400
        )


BOMBS = {
    "gzip": gzip.compress(bytes(50_000_000)),
    "deflate": zlib.compress(bytes(50_000_000)),
    "br": b"\xcf\xff\xff\x7f",
    "gzip, gzip": gzip.compress(gzip.compress(bytes(50_000_000))),
}


@pytest.mark.parametrize("path", ["/protected/predict", "/protected/predict_csv", "/protected/predict_accident"])
@pytest.mark.parametrize(("coding", "bomb"), BOMBS.items(), ids=BOMBS)
def test_what_is_compressed_is_not_unpacked(
    attacked: Service, bearer: str, path: str, coding: str, bomb: bytes
) -> None:
    kind = "Content-Type: multipart/form-data; boundary=a"
    answer = exchange(attacked.address, request("POST", path, bearer, kind, f"Content-Encoding: {coding}", body=bomb))

    assert_refused(answer, 415)
    assert answer.headers["accept-encoding"] == "identity"


def test_a_compressed_log_in_is_not_unpacked_either(attacked: Service) -> None:
    kind = "Content-Type: application/x-www-form-urlencoded"
    for content in (kind, "Content-Type: multipart/form-data; boundary=a"):
        sent = request("POST", "/auth/token", content, "Content-Encoding: gzip", body=gzip.compress(b"username=a"))
        assert_refused(exchange(attacked.address, sent), 415)


def part(name: str, content: bytes, *, filename: str | None = "f.csv", head: bytes = b"") -> bytes:
    of_file = f'; filename="{filename}"' if filename is not None else ""
    return (
        f'--a\r\nContent-Disposition: form-data; name="{name}"{of_file}\r\n'.encode()
        + head
        + b"\r\n"
        + content
        + b"\r\n"
    )


HEADER = ",".join(FEATURE_NAMES)
ROW = ",".join(map(str, SCENE_EXAMPLE.values()))
FILE = part("file_request", f"{HEADER}\n{ROW}\n".encode())
END = b"--a--\r\n"

FORMS = {
    "nothing": b"\r\n",
    "no part": END,
    "no end": FILE,
    "no boundary": FILE.replace(b"--a\r\n", b""),
    "a head cut off": b"--a\r\nContent-Disposition: form-da",
    "a head of 20 KB": part("file_request", b"a", head=b"X-A: " + b"a" * 20_000 + b"\r\n") + END,
    "fifty heads": part("file_request", b"a", head=b"X-A: a\r\n" * 50) + END,
    "a thousand parts": part("a", b"a") * 1000 + FILE + END,
    "the file twice": FILE + FILE + END,
    "text in place of the file": part("file_request", b"a", filename=None) + END,
    "another field": part("a", b"a") + END,
    "no name": FILE.replace(b'name="file_request"; ', b"") + END,
    "a name that is no text": FILE.replace(b"file_request", b"\xff\xfe") + END,
    "no disposition": b"--a\r\nX: 1\r\n\r\na\r\n" + END,
}


def send_form(service: Service, bearer: str, content: bytes, boundary: str = "a") -> Answer:
    kind = f"Content-Type: multipart/form-data; boundary={boundary}"
    return exchange(service.address, request("POST", "/protected/predict_csv", bearer, kind, body=content))


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_a_broken_form_is_refused(attacked: Service, bearer: str, content: bytes) -> None:
    assert_refused(send_form(attacked, bearer, content), 400)


@pytest.mark.parametrize("boundary", ["", '""', "b", "a" * 20_000, "=?utf-8?q?a?="])
def test_a_broken_boundary_is_refused(attacked: Service, bearer: str, boundary: str) -> None:
    assert_refused(send_form(attacked, bearer, FILE + END, boundary), 400)


def test_other_parts_of_a_form_do_no_harm(attacked: Service, bearer: str) -> None:
    others = part("note", b"a" * 1_000_000, filename=None) + part("other", b"a" * 1_000_000)
    traversal = FILE.replace(b"f.csv", b"../../../etc/passwd")

    answer = send_form(attacked, bearer, others + traversal + others + END)

    assert answer.status == 200
    assert answer.json()["rows"] == 1


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(10_000_000))
    return content.getvalue()


FILES: dict[str, tuple[bytes, int]] = {
    "an open quote": (f'{HEADER}\n"{ROW}\n{ROW}\n'.encode(), 400),
    "an open quote over a megabyte": (f'{HEADER}\n"{"a" * 2_000_000}'.encode(), 400),
    "a quote within a cell": (f'{HEADER}\n"1"1,{ROW}\n'.encode(), 400),
    "nothing but quotes": (b'"' * 1_000_001, 400),
    "one line of commas": (b"," * 3_000_000, 400),
    "nothing but line ends": (b"\n" * 3_000_000, 413),
    "100,000 columns": (f"{HEADER},{','.join(map(str, range(100_000)))}\n{ROW}\n".encode(), 200),
    "more rows than are taken": ("\n".join([HEADER, *[ROW] * 1001]).encode(), 413),
    "NULs": (f"{HEADER}\n{ROW}\n\0\n".encode(), 400),
    "UTF-16": (f"{HEADER}\n{ROW}\n".encode("utf-16"), 400),
    "a zip archive": (zipped(), 400),
    "a column twice": (f"{HEADER},{FIRST}\n{ROW},1\n".encode(), 400),
}


@pytest.mark.parametrize(("content", "status"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_csv_as_it_should_be_is_refused_or_answered_row_by_row(
    attacked: Service, bearer: str, content: bytes, status: int
) -> None:
    answer = send_form(attacked, bearer, part("file_request", content) + END)

    if status == 200:
        assert answer.status == 200
    else:
        assert_refused(answer, status)


@pytest.mark.parametrize(
    "cell", ["1e9", "1000000000", "9" * 4000, "NaN", "inf", "1e400", "\uff11", "0x1", "=1+1", "'1"]
)
def test_a_cell_that_is_no_code_is_an_error_of_its_row(attacked: Service, bearer: str, cell: str) -> None:
    bad = ",".join([cell, *map(str, list(SCENE_EXAMPLE.values())[1:])])

    answer: Any = send_form(attacked, bearer, part("file_request", f"{HEADER}\n{bad}\n{ROW}\n".encode()) + END).json()

    wrong, right = answer["predictions"]
    assert wrong["error"]["field"] == FIRST
    assert right["line"] == 3
