"""A file far larger than the queue before the log of predictions: every line must be in Postgres at the end.

Run it with ``python -m road_assets_tests.benchmarks.large_file [--rows 300000]``.
"""

import argparse
import tempfile
import time
from pathlib import Path

import httpx
import psycopg

from road_api.openapi import CSV_FIELD
from road_api.services.bundle_cache import BundleCache
from road_api.services.model_store import ModelRef
from road_assets.core.vocabulary import FEATURE_NAMES, SCENE_EXAMPLE
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import migrate
from road_assets_tests.api.service_process import serve
from road_assets_tests.api.tiny_bundles import make_tiny_bundle


def main() -> None:
    """Print rows answered, logged and dropped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000)
    rows = parser.parse_args().rows
    line = ",".join(map(str, SCENE_EXAMPLE.values()))
    content = "\n".join([",".join(FEATURE_NAMES), *[line] * rows]).encode()
    with tempfile.TemporaryDirectory() as name, EmbeddedPostgres(Path(name, "postgres"), port=0) as postgres:
        folder = Path(name)
        migrate(postgres.url("road"))
        BundleCache(folder / "state").save(ModelRef("1", "run"), make_tiny_bundle(-1.0))
        with serve(folder, "http://127.0.0.1:9", ROAD_DATABASE_URL=postgres.url("road")) as service:
            service.wait_for("1", prediction_log=True)
            headers, started = {"Authorization": f"Bearer {service.log_in()}", "Accept": "text/csv"}, time.monotonic()
            answer = httpx.post(
                f"{service.address}/protected/predict_csv",
                files={CSV_FIELD: ("large.csv", content)},
                headers=headers,
                trust_env=False,
                timeout=600,
            ).raise_for_status()
            seconds, dropped = time.monotonic() - started, service.metric("prediction_log_dropped_total")
            memory = service.memory()
        with psycopg.connect(postgres.url("road")) as connection:
            ((logged,),) = connection.execute("SELECT count(*) FROM predictions").fetchall()
    answered = answer.content.count(b"\n") - 1
    print(
        f"{answered} rows answered in {seconds:.1f} s, {logged} logged, {dropped:.0f} dropped, {memory / 2**20:.0f} MiB"
    )


if __name__ == "__main__":
    main()
