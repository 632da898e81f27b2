"""What cAdvisor exposes of two containers, in its names and labels; cAdvisor itself needs containers to look at."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

SERVICES: Final = ("api", "postgres")
_COUNTERS: Final = {
    "container_cpu_usage_seconds_total": 'cpu="total"',
    "container_fs_reads_bytes_total": 'device="/dev/sda"',
    "container_fs_writes_bytes_total": 'device="/dev/sda"',
    "container_network_receive_bytes_total": 'interface="eth0"',
    "container_network_transmit_bytes_total": 'interface="eth0"',
}
_GAUGES: Final = {
    "container_fs_usage_bytes": 2.5e8,
    "container_memory_working_set_bytes": 1.5e8,
    "container_spec_memory_limit_bytes": 1e9,
    "container_start_time_seconds": 1.7e9,
}


def exposition() -> str:
    """The text of ``/metrics``, its counters growing with time."""
    now, lines = time.time(), []
    for number, service in enumerate(SERVICES, start=1):
        labels = (
            f'container_label_com_docker_compose_service="{service}",id="/system.slice/docker-{number:064x}.scope",'
            f'image="road-{service}:latest",name="road-{service}-1"'
        )
        lines += [f"{name}{{{labels},{more}}} {number * (now % 1e6)}" for name, more in _COUNTERS.items()]
        lines += [f"{name}{{{labels}}} {value}" for name, value in _GAUGES.items()]
        lines.append(f"container_last_seen{{{labels}}} {now}")
    # The machine as a whole is a group of processes, too, and no container.
    lines.append(f'container_cpu_usage_seconds_total{{cpu="total",id="/"}} {now}')
    return "\n".join(lines) + "\n"


@contextmanager
def expose() -> Iterator[str]:
    """Serve it; gives ``host:port``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = exposition().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
