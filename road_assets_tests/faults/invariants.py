"""What must be so whenever the platform is at rest, whatever was done to it."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow.parquet as pq

from road_api.services.bundle_cache import BundleCache
from road_assets.core.bundle import Bundle
from road_assets.core.vocabulary import MODEL_NAME
from road_assets.resources.mlflow_run import EXPERIMENT
from road_assets.resources.model_registry import ModelRegistry
from road_assets_tests.faults.platforms import LAST_DAY, OwnPlatform

OVERLAP: Final = 120_000
"""Milliseconds that a training may take."""

FOLLOWING_SECONDS: Final = 60.0
"""The service looks for a new model every few seconds, and reads its card."""

_ACCIDENTS: Final = """
    SELECT day::text, count(*), md5(string_agg(a::text, '|' ORDER BY num_acc, user_key)) FROM accidents a
    WHERE day <= %s GROUP BY day
"""
_UNFINISHED: Final = (
    "SELECT run_id, pipeline_name, status FROM runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"
)
_SLOTS: Final = "SELECT concurrency_key, run_id FROM concurrency_slots WHERE run_id IS NOT NULL"
_PENDING: Final = "SELECT concurrency_key, run_id FROM pending_steps"
_BROKEN_CHAIN: Final = """
    SELECT id, version, previous_version, expected FROM (
        SELECT id, version, previous_version, lag(version) OVER (ORDER BY id) AS expected
        FROM promotions WHERE decision <> 'refused') history
    WHERE expected IS NOT NULL AND previous_version IS DISTINCT FROM expected
"""

Contents = dict[str, tuple[int, str]]
"""Rows and a hash by what they are of."""


@dataclass(slots=True)
class Invariants:
    """Expectations from an undisturbed run, and the checks against them.

    Attributes:
        checked: how often each check was made.
        failures: what was wrong, in sentences.
    """

    platform: OwnPlatform
    checked: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    _rows: Contents = field(default_factory=dict)
    _files: Contents = field(default_factory=dict)
    _scored: list[Any] = field(default_factory=list)
    _read: dict[Path, tuple[tuple[int, int], tuple[int, str]]] = field(default_factory=dict)
    _sound_versions: set[int] = field(default_factory=set)

    def remember(self) -> None:
        """Take what is there now for right: nothing has disturbed it yet."""
        self._rows, self._files = self._accidents(), self.lake()
        self._scored = self._days_scored()

    def check(self, after: str) -> int:
        """Make every check.

        Args:
            after: what was done before, for the sentences.

        Returns:
            Number of failures.
        """
        before = len(self.failures)
        checks: Mapping[str, Callable[[], list[str]]] = {
            "rows in tables": self._check_rows,
            "Parquet files": self._check_lake,
            "one champion": self._check_champion,
            "bundles": self._check_bundles,
            "no stuck run": self._check_runs,
            "service": self._check_service,
        }
        for name, look in checks.items():
            self.checked[name] = self.checked.get(name, 0) + 1
            try:
                wrong = look()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told and fails the suite
                wrong = [f"cannot be checked: {error!r}"]
            self.failures += [f"after {after}, {name}: {sentence}" for sentence in wrong]
        return len(self.failures) - before

    def lake(self) -> Contents:
        """Every Parquet file of the lake, read whole; one that was not touched since is not read again."""
        root = self.platform.home / "lake"
        found: Contents = {}
        for path in sorted(root.rglob("*.parquet")):
            if path.stem > LAST_DAY.isoformat():
                continue  # the schedule may have made yesterday meanwhile
            facts = path.stat()
            stamp = (facts.st_mtime_ns, facts.st_ino)
            known = self._read.get(path)
            if known is None or known[0] != stamp:
                known = (stamp, _content(path))
                self._read[path] = known
            found[str(path.relative_to(root))] = known[1]
        return found

    def _accidents(self) -> Contents:
        return {day: (count, content) for day, count, content in self.platform.query(_ACCIDENTS, (LAST_DAY,))}

    def _days_scored(self) -> list[Any]:
        return self.platform.query(
            "SELECT day, count(*) FROM drift_features WHERE day <= %s GROUP BY day ORDER BY day", (LAST_DAY,)
        )

    def _check_rows(self) -> list[str]:
        wrong = _differences(self._rows, self._accidents())
        scored = self._days_scored()
        if scored != self._scored:
            wrong.append(f"{len(scored)} days have drift of features, expected {len(self._scored)}")
        ((scores,),) = self.platform.query("SELECT count(*) FROM drift_scores WHERE day <= %s", (LAST_DAY,))
        if scores != len(self._scored):
            wrong.append(f"{scores} rows of drift_scores, expected {len(self._scored)}")
        return wrong

    def _check_lake(self) -> list[str]:
        return _differences(self._files, self.lake())

    def _check_champion(self) -> list[str]:
        deadline = time.monotonic() + FOLLOWING_SECONDS
        while (wrong := self._champion_wrong()) and time.monotonic() < deadline:
            time.sleep(0.5)
        return wrong

    def _champion_wrong(self) -> list[str]:
        champions = self.platform.query("SELECT version, published FROM champion")
        if len(champions) != 1:
            return [f"{len(champions)} champions"]
        ((version, published),) = champions
        in_metrics = [
            row[0] for row in self.platform.query("SELECT model_version FROM model_metrics WHERE in_production")
        ]
        alias, serving = self._registry().production_version(), self.platform.serving()
        wrong = [f"promotions break off at {row}" for row in self.platform.query(_BROKEN_CHAIN)]
        if not published:
            wrong.append(f"version {version} was never published")
        if not in_metrics == [version] == [alias] == [serving]:
            wrong.append(f"champion {version}, alias {alias}, served {serving}, in model_metrics {in_metrics}")
        return wrong

    def _check_bundles(self) -> list[str]:
        registry, wrong = self._registry(), []
        for found in registry.client().search_model_versions(f"name = '{MODEL_NAME}'"):
            number = int(found.version)
            if number in self._sound_versions:
                continue
            try:
                Bundle.open(registry.bundle_files(registry.version(number)))
            except Exception as error:  # noqa: BLE001 - a bundle can be wrong in many ways
                wrong.append(f"version {number} is not whole: {error!r}")
            else:
                self._sound_versions.add(number)
        kept = BundleCache(self.platform.home / "api").load()
        if kept is None:
            wrong.append("the service keeps no bundle on disk")
        else:
            Bundle.open(kept[1])
        return wrong

    def _check_runs(self) -> list[str]:
        rows = [
            *self.platform.query(_UNFINISHED, database="dagster"),
            *self.platform.query(_SLOTS, database="dagster"),
            *self.platform.query(_PENDING, database="dagster"),
        ]
        client = self._registry().client()
        experiment = client.get_experiment_by_name(EXPERIMENT)
        newest = client.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'", max_results=1)
        running = client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'")
        # One that was killed is put right by the next training.
        runs = [run for run in running if newest and run.info.start_time < newest[0].info.start_time - OVERLAP]
        return [f"left over: {row}" for row in rows] + [
            f"MLflow run {run.info.run_id} is still running" for run in runs
        ]

    def _check_service(self) -> list[str]:
        return [] if self.platform.serving() is not None else ["it is not ready"]

    def _registry(self) -> ModelRegistry:
        address = self.platform.site.addresses["mlflow"]
        return ModelRegistry(tracking_uri=address, public_url=address)


def _content(path: Path) -> tuple[int, str]:
    frame = pq.read_table(path, partitioning=None).to_pandas()
    digest = hashlib.sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return len(frame), digest.hexdigest()[:16]


def _differences(expected: Contents, found: Contents) -> list[str]:
    wrong = [f"{name} is missing" for name in expected.keys() - found.keys()]
    wrong += [f"{name} should not be there" for name in found.keys() - expected.keys()]
    both = expected.keys() & found.keys()
    wrong += [
        f"{name} holds {found[name]}, expected {expected[name]}" for name in both if found[name] != expected[name]
    ]
    return sorted(wrong)[:5]
