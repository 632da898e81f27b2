"""The main memory of a real process stays bounded, whatever it is sent."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import pytest

from road_assets_tests.api.abuse.wire import exchange, request
from road_assets_tests.api.service_process import Service

MOST_ADDED = 96 * 1024 * 1024
"""Bytes; one of these bodies has 150 million, and a megabyte of cells takes some twenty as objects."""

BODY = 150_000_000
DISPOSITION = 'Content-Disposition: form-data; name="{}"'
KIND = "Content-Type: multipart/form-data; boundary=a"


def peak(service: Service) -> int:
    """Bytes of main memory that the process ever held since the kernel was told to forget."""
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kilobytes) * 1024


def forget_peak(service: Service) -> None:
    Path(f"/proc/{service.process.pid}/clear_refs").write_text("5")


def form(name: str, *, filename: str = "", content: bytes = b"a" * 100_000) -> Iterable[bytes]:
    disposition = DISPOSITION.format(name) + (f'; filename="{filename}"' if filename else "")
    head = f"--a\r\n{disposition}\r\n\r\n".encode()
    yield head
    left = BODY - len(head)
    while left > 0:
        piece = content[:left]
        left -= len(piece)
        yield piece


LINE = b"1," * 49_999 + b"1\n"

ATTACKS: dict[str, Iterable[bytes]] = {
    "text in place of a file": form("file_request"),
    "text in another field": form("note"),
    "a file in another field": form("other", filename="f"),
    "a file without line ends": form("file_request", filename="f"),
    "a file of long lines": form("file_request", filename="f", content=LINE),
    "a file of quotes": form("file_request", filename="f", content=b'"' * 100_000),
    "what stands before the first boundary": itertools.repeat(b"a" * 100_000, BODY // 100_000),
    "a part's head without an end": itertools.chain([b"--a\r\nX-A: "], itertools.repeat(b"a" * 100_000, 1500)),
}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this kernel does not tell the peak of memory")
@pytest.mark.parametrize("content", ATTACKS.values(), ids=ATTACKS)
def test_a_form_of_150_megabytes_passes_through_a_bounded_memory(
    attacked: Service, bearer: str, content: Iterable[bytes]
) -> None:
    forget_peak(attacked)
    before = peak(attacked)

    head = request("POST", "/protected/predict_csv", bearer, KIND, f"Content-Length: {BODY}")
    answer = exchange(attacked.address, head, content)

    assert answer.status in {0, 400, 413}, "0: it closed while we were writing"
    assert peak(attacked) - before < MOST_ADDED


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this kernel does not tell the peak of memory")
def test_a_hundred_large_bodies_where_small_ones_are_expected_do_not_fill_it(attacked: Service, bearer: str) -> None:
    forget_peak(attacked)
    before = peak(attacked)

    for path in ("/auth/token", "/protected/predict", "/protected/predict_accident", "/alerts", "/config/noise"):
        for _ in range(20):
            head = request("POST", path, bearer, "Transfer-Encoding: chunked")
            chunk = b"186a0\r\n" + b"a" * 100_000 + b"\r\n"
            assert exchange(attacked.address, head, itertools.repeat(chunk, 100)).status in {0, 400, 401, 403, 413, 503}

    assert peak(attacked) - before < MOST_ADDED
