"""One run of a job in a process of its own, as Dagster's launcher starts it; what ``growth`` measures.

Everything it needs is in the environment: the platform's, and ``DAGSTER_HOME``.
"""

import json
import sys
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository

LATER: datetime = datetime(2100, 1, 1, tzinfo=UTC)
"""Generated years may lie in the future, where Dagster would know of no partitions yet."""


def main() -> int:
    """Run the job that the arguments name, with these tags and this config, both JSON."""
    job, tags, config = sys.argv[1:]
    repository = ReconstructableRepository.for_module("road_assets.definitions", "defs")
    with dg.partition_loading_context(effective_dt=LATER), dg.DagsterInstance.get() as instance:
        run = dg.execute_job(
            repository.get_reconstructable_job(job), instance, run_config=json.loads(config), tags=json.loads(tags)
        )
    return 0 if run.success else 1


if __name__ == "__main__":
    sys.exit(main())
