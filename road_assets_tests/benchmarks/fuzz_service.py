"""Requests that schemathesis generates from the service's own document, fitting it and not: none may end in a 500.

Run it with ``python -m road_assets_tests.benchmarks.fuzz_service [--requests 100000] [--seed 1]``.

The service runs in a process of its own with a real Postgres behind it, without MLflow (it has its model from disk) and
without Dagster; so 502 and 503, with which it says so, are counted but are no mistakes where they are declared.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode

from road_api.services.bundle_cache import BundleCache
from road_api.services.model_store import ModelRef
from road_api.tokens import Role, Tokens
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import migrate
from road_assets_tests.api.service_process import Service, serve
from road_assets_tests.api.tiny_bundles import make_tiny_bundle

SECRET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
NOBODY: Final = "http://127.0.0.1:9"

SHARES: Final = {"predict": 40, "predictCsv": 30, "predictAccident": 10, "createToken": 0.3}
"""Of all requests, in percent; the other operations share the rest. A log-in costs a password's hash each time."""

PART: Final = 2_000
"""Requests made up from one seed."""

AWAY: Final = {502, 503}
"""What the service answers where Dagster or MLflow would be needed."""

Counts = Counter[tuple[str, str, int]]


@dataclass
class Fuzzer:
    """Sends generated requests and counts what comes back.

    Attributes:
        service: with ``SECRET``.
        counts: answers by operation, kind of request and status.
        mistakes: one line for each mistake of the service.
    """

    service: Service
    counts: Counts = field(default_factory=Counter)
    mistakes: list[str] = field(default_factory=list)

    def run(self, total: int, number: int) -> None:
        """Send about ``total`` requests, beginning with a seed."""
        document = schemathesis.openapi.from_dict(self.service.get("/docs/openapi.json").json())
        for operation, mode, share in _plan(document, total):
            strategy = document.find_operation_by_id(operation).as_strategy(generation_mode=mode)
            sent, again = 0, number
            while sent < share:  # in parts, each with a seed of its own, so that there is something to see meanwhile
                before = sum(self.counts.values())
                self._send(strategy, operation, mode.value, min(PART, share - sent), again)
                print(f"  {sum(self.counts.values())} sent, {len(self.mistakes)} mistakes", flush=True)
                again += 1
                sent += sum(self.counts.values()) - before
            answered = {key[2]: self.counts[key] for key in sorted(self.counts) if key[:2] == (operation, mode.value)}
            print(f"{time.strftime('%H:%M:%S')} {operation:<16} {mode.value:<9} {sent:>6} {answered}", flush=True)

    def _send(self, strategy: Any, operation: str, mode: str, examples: int, number: int) -> None:
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {_token(operation)}"

        @seed(number)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def ask(case: Any) -> None:
            answer = case.call(base_url=self.service.address, session=session, timeout=60)
            self.counts[operation, mode, answer.status_code] += 1
            if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and answer.status_code not in AWAY:
                self.mistakes.append(f"{operation}: {answer.status_code} {answer.text[:200]} {case.body!r:.200}")

        ask()


def _plan(document: Any, total: int) -> Iterator[tuple[str, GenerationMode, int]]:
    """Each operation with both kinds of requests; one without parameters and body can only be asked rightly."""
    operations = {}
    for result in document.get_all_operations():
        operation = result.ok()
        wrong = bool(operation.body) or bool(operation.query) or bool(operation.path_parameters)
        operations[operation.definition.raw["operationId"]] = list(GenerationMode) if wrong else [*GenerationMode][:1]
    rest = (100 - sum(SHARES.values())) / (len(operations) - len(SHARES))
    for name in sorted(operations, key=lambda name: -SHARES.get(name, rest)):  # what matters most first
        modes = operations[name]
        for mode in modes:
            yield name, mode, round(total * SHARES.get(name, rest) / 100 / len(modes))


def _token(operation: str) -> str:
    """What opens an operation."""
    if operation == "takeAlerts":
        return SECRET
    role = Role.USER if operation in SHARES else Role.ADMIN
    return Tokens(SECRET).make("johndoe" if role is Role.USER else "operator:fuzz", role)


def main() -> None:
    """Print a line for each operation and a sum."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, EmbeddedPostgres(Path(name, "postgres"), port=0) as postgres:
        folder = Path(name)
        migrate(postgres.url("road"))
        BundleCache(folder / "state").save(ModelRef("1", "run"), make_tiny_bundle(-1.0))
        secrets = {"ROAD_API_JWT_SECRET": SECRET, "ROAD_API_ALERT_TOKEN": SECRET}
        with serve(folder, NOBODY, ROAD_DATABASE_URL=postgres.url("road"), **secrets) as service:
            service.wait_for("1")
            started, memory = time.monotonic(), service.memory()
            fuzzer = Fuzzer(service)
            fuzzer.run(asked.requests, asked.seed)
            grown = service.memory() - memory
    by_status: Counter[int] = Counter()
    for (_, _, status), count in fuzzer.counts.items():
        by_status[status] += count
    seconds = time.monotonic() - started
    print(f"{sum(fuzzer.counts.values())} requests in {seconds:.0f} s: {dict(sorted(by_status.items()))}")
    print(f"memory of the service grew by {grown / 2**20:.0f} MiB; mistakes: {len(fuzzer.mistakes)}")
    print("\n".join(fuzzer.mistakes[:20]))


if __name__ == "__main__":
    main()
