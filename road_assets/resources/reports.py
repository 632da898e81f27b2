"""Stores drift reports: as files, and in MLflow, whose pages show them."""

import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import dagster as dg

from road_assets.core.drift import DriftScore
from road_assets.resources.files import StoragePath, replace_text, storage_path

EXPERIMENT: Final = "drift"


@dataclass(frozen=True, slots=True)
class RenderedReport:
    """A report as Evidently draws it.

    Attributes:
        html: a self-contained page.
        json: the same as data.
    """

    html: str
    json: str


@dataclass(frozen=True, slots=True)
class PublishedReport:
    """Where a report can be read.

    Attributes:
        page: path or address of the HTML file.
        url: MLflow's page that shows it.
    """

    page: str
    url: str


class Reports(dg.ConfigurableResource):
    """Publishes drift reports.

    Attributes:
        folder: absolute path of the files, or address in an object storage; one HTML and one JSON per day.
        tracking_uri: MLflow's address, as seen from here.
        public_url: MLflow's address as a browser reaches it, for links.
    """

    folder: str
    tracking_uri: str
    public_url: str

    def publish(self, day: date, report: RenderedReport, score: DriftScore) -> PublishedReport:
        """Store a day's report, replacing an earlier one.

        Args:
            day: last day of the window.
            report: what Evidently drew.
            score: our figures, logged beside it.

        Returns:
            Where it can be read.
        """
        page = storage_path(self.folder) / f"{day}.html"
        replace_text(page, report.html)
        replace_text(page.with_suffix(".json"), report.json)
        return PublishedReport(str(page), self._log(day, page, score))

    def runs_before(self, moment: datetime) -> list[tuple[str, str]]:
        """MLflow's runs that hold a report drawn before a moment: id and name."""
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.tracking_uri)
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            return []
        query = f"attributes.end_time < {int(moment.timestamp() * 1000)}"
        runs, token = [], None
        while True:
            page = client.search_runs([found.experiment_id], query, max_results=1000, page_token=token)
            runs += [(run.info.run_id, run.info.run_name) for run in page]
            token = page.token
            if not token:
                return runs

    def remove_run(self, run_id: str) -> None:
        """Remove a run of MLflow with its files; the files first, so that what a kill leaves is found again."""
        from mlflow import MlflowClient
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        client = MlflowClient(tracking_uri=self.tracking_uri)
        address = client.get_run(run_id).info.artifact_uri
        get_artifact_repository(address, tracking_uri=self.tracking_uri).delete_artifacts()
        client.delete_run(run_id)

    def _log(self, day: date, page: StoragePath, score: DriftScore) -> str:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.tracking_uri)
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
        name = f"drift {day}"
        earlier = client.search_runs([experiment], f"attributes.run_name = '{name}'", max_results=1)
        run = earlier[0] if earlier else client.create_run(experiment, run_name=name, tags={"day": day.isoformat()})
        client.log_metric(run.info.run_id, "drift_score", score.score)
        with tempfile.TemporaryDirectory() as folder:
            for suffix in (".html", ".json"):
                copy = Path(folder, f"drift_report{suffix}")
                copy.write_bytes(page.with_suffix(suffix).read_bytes())
                client.log_artifact(run.info.run_id, str(copy))
        client.set_terminated(run.info.run_id)
        return f"{self.public_url}/#/experiments/{experiment}/runs/{run.info.run_id}/artifacts/drift_report.html"
