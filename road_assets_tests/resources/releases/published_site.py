"""A stand-in for data.gouv.fr, a real HTTP server on this machine that misbehaves on demand."""

import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from road_assets.core.demonstration import generate_release
from road_assets.core.dialect import table_of
from road_assets.core.vocabulary import Table
from road_assets.resources.releases.data_gouv import DATASET_ID, DATASET_TITLE, DataGouv
from road_assets.resources.releases.download import Patience, RemoteFile
from road_assets.resources.releases.store import ReleaseStore

QUICK = Patience(connect_seconds=1, read_seconds=5, answer_seconds=5, attempts=4, first_pause_seconds=0.01)


class Site:
    """A stand-in for data.gouv.fr: what it publishes, how it fails, and what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.resources: list[dict[str, Any]] = []
        self.known_id = DATASET_ID
        self.title = f"{DATASET_TITLE} - Années de 2005 à 2024"
        self.api_failures = 0
        self.api_answer: bytes | None = None
        self.break_after: list[int] = []
        self.file_status: int | None = None
        self.strong_tags = True
        self.requests: list[tuple[str, str | None]] = []
        self.url = ""

    def publish(self, year: int, *, accidents: int = 20, leave_out: Table | None = None, seed: int = 1) -> None:
        for name, content in generate_release(year, accidents=accidents, seed=seed).items():
            table = table_of(name)
            if table == leave_out:
                continue
            self.files[f"/files/{seed}/{name}"] = content
            self.resources.append(
                {
                    "title": name,
                    "url": f"{self.url}/files/{seed}/{name}",
                    "filesize": len(content),
                    "checksum": {"type": "sha1", "value": hashlib.sha1(content, usedforsecurity=False).hexdigest()},
                    "last_modified": f"2025-0{seed}-01T00:00:00+00:00",
                }
            )

    def answer(self, path: str) -> dict[str, Any] | None:
        dataset = {"id": self.known_id, "title": self.title, "resources": self.resources}
        if path == f"/api/1/datasets/{self.known_id}/":
            return dataset
        if path.startswith("/api/1/datasets/?"):
            return {"data": [{"id": "other", "title": "Autre chose"}, dataset]}
        return None


def handler_of(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append((self.path, self.headers.get("Range")))
            if self.path.startswith("/api/"):
                self.serve_api()
            else:
                self.serve_file(site.files.get(self.path))

        def serve_api(self) -> None:
            if site.api_failures > 0:
                site.api_failures -= 1
                self.reply(503, b"")
                return
            answer = site.answer(self.path)
            body = site.api_answer if site.api_answer is not None else json.dumps(answer).encode()
            self.reply(404 if answer is None else 200, body)

        def serve_file(self, content: bytes | None) -> None:
            if site.file_status or content is None:
                self.reply(site.file_status or 404, b"no")
                return
            tag = f'"{hashlib.sha256(content).hexdigest()}"'
            start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
            resumed = start is not None and self.headers.get("If-Range") == tag
            offset = int(start[1]) if start and resumed else 0
            if offset >= len(content):
                self.reply(416, b"")
                return
            self.send_response(206 if resumed else 200)
            self.send_header("Content-Length", str(len(content) - offset))
            self.send_header("ETag", tag if site.strong_tags else f"W/{tag}")
            self.end_headers()
            rest = content[offset:]
            self.wfile.write(rest[: site.break_after.pop(0)] if site.break_after else rest)

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the output of the tests clean."""

    return Handler


def client_of(site: Site) -> DataGouv:
    return DataGouv(f"{site.url}/api/1", QUICK)


def store_of(site: Site, home: Path) -> ReleaseStore:
    return ReleaseStore(home, None, client_of(site))


def only_file(site: Site) -> RemoteFile:
    return client_of(site).releases()[2024]["usagers"]
