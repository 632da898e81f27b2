"""Where drift reports are kept: as files, and in MLflow, whose pages can show them."""

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dagster as dg

from road_assets.core.drift import DriftScore
from road_assets.resources.files import replace_text

if TYPE_CHECKING:
    from road_assets.assets.evidently_report import RenderedReport

EXPERIMENT: Final = "drift"


@dataclass(frozen=True, slots=True)
class PublishedReport:
    """Where a report can be read.

    Attributes:
        page: the HTML file.
        url: MLflow's page that shows it.
    """

    page: Path
    url: str


class Reports(dg.ConfigurableResource):
    """Publishes drift reports.

    Attributes:
        folder: absolute path of the files; one HTML and one JSON per day.
        tracking_uri: MLflow's address, as seen from here.
        public_url: MLflow's address as a browser reaches it, for links.
    """

    folder: str
    tracking_uri: str
    public_url: str

    def publish(self, day: date, report: "RenderedReport", score: DriftScore) -> PublishedReport:
        """Store a day's report, replacing an earlier one.

        Args:
            day: last day of the window.
            report: what Evidently drew.
            score: our figures, logged beside it.

        Returns:
            Where it can be read.
        """
        page = Path(self.folder, f"{day}.html")
        replace_text(page, report.html)
        replace_text(page.with_suffix(".json"), report.json)
        return PublishedReport(page, self._log(day, page, score))

    def _log(self, day: date, page: Path, score: DriftScore) -> str:
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
