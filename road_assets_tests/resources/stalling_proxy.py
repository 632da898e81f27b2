"""A way to a server that opens late, or lets so many bytes through and no more, as a line does that breaks."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self
from urllib.parse import urlsplit


class StallingProxy:
    """Passes a client's first bytes, or all of them, on to the server, then nothing more.

    Attributes:
        stalled: set once bytes were held back.
        address: where clients connect.
    """

    def __init__(self, target: str, *, after_bytes: int | None = None, port: int = 0) -> None:
        """Listen on loopback.

        Args:
            target: ``http://host:port`` of the server.
            after_bytes: of one connection, that are passed on; by default all.
            port: to listen on; 0 for a free one.
        """
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._after = after_bytes
        self._listener = socket.create_server(("127.0.0.1", port))
        self._open: list[socket.socket] = [self._listener]
        self.stalled = threading.Event()
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @classmethod
    @contextmanager
    def to(cls, target: str, *, after_bytes: int | None = None, port: int = 0) -> Iterator[Self]:
        """Serve until the block ends."""
        proxy = cls(target, after_bytes=after_bytes, port=port)
        threading.Thread(target=proxy._accept, daemon=True).start()
        try:
            yield proxy
        finally:
            for each in proxy._open:
                each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            server = socket.create_connection(self._target)
            self._open += [client, server]
            threading.Thread(target=self._pass, args=(client, server, self._after), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, None), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        passed = 0
        try:
            while content := source.recv(65536):
                passed += len(content)
                if limit is not None and passed > limit:
                    self.stalled.set()
                else:
                    target.sendall(content)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return  # one side has gone
