"""Dagster's GraphQL interface, as far as the service uses it: launching runs, reporting alerts, reading how runs ended.

The package ``dagster`` is not part of the service. What a run does is decided in the code location.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

REQUEST_SECONDS: Final = 20.0
"""Long, because to launch a run Dagster asks its code server."""

_JOBS: Final = """query Jobs { repositoriesOrError { __typename
  ... on Error { message }
  ... on RepositoryConnection { nodes { name location { name } jobs { name } } } } }"""

_NEWEST: Final = """query Newest($repository: RepositorySelector!, $job: String!) {
  partitionSetsOrError(repositorySelector: $repository, pipelineName: $job) { __typename
    ... on Error { message }
    ... on PartitionSets { results { partitionsOrError(limit: 1, reverse: true) { __typename
      ... on Error { message }
      ... on Partitions { results { name } } } } } } }"""

_LAUNCH: Final = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on Error { message } } }"""

_OBSERVE: Final = """mutation Observe($event: ReportRunlessAssetEventsParams!) {
  reportRunlessAssetEvents(eventParams: $event) { __typename ... on Error { message } } }"""

_MATERIALIZATIONS: Final = """query Materializations { assetNodes { assetKey { path }
  assetMaterializations(limit: 1) { timestamp } } }"""

_LAST_RUN: Final = """query LastRun($job: String!) {
  runsOrError(filter: {pipelineName: $job, statuses: [SUCCESS, FAILURE]}, limit: 1) { __typename
    ... on Error { message } ... on Runs { results { status } } } }"""


_NO_DAGSTER: Final = "the address of Dagster answered {status} without a GraphQL response; is it Dagster's web server?"


class DagsterError(RuntimeError):
    """Dagster cannot be reached, or refuses. The message says which, and can be shown to callers."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A run that Dagster has accepted.

    Attributes:
        run_id: its id.
        url: its page.
    """

    run_id: str
    url: str


@dataclass(frozen=True, slots=True)
class DagsterFigures:
    """How the platform's runs go.

    Attributes:
        materialized_at: Unix time of each asset's last materialization; assets without any are left out.
        failed: whether the last completed run failed, for each job with one.
    """

    materialized_at: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, bool] = field(default_factory=dict)


class DagsterClient:
    """Client of a Dagster web server.

    Attributes:
        configured: whether an address was given; without one every operation raises ``DagsterError``.
    """

    def __init__(self, address: str | None, public_address: str | None = None) -> None:
        """Set the address; nothing is sent yet.

        Args:
            address: ``http://host:port``.
            public_address: the address for browsers, if it is another one.
        """
        self.configured = address is not None
        self._public_address = public_address or address
        self._http = httpx.AsyncClient(base_url=address or "", timeout=REQUEST_SECONDS, trust_env=False)

    async def newest_partition(self, job: str) -> str:
        """Key of the newest partition of a job.

        Raises:
            DagsterError: Dagster is away, there is no such job, or it has no partition.
        """
        answer = await self._ask(_NEWEST, repository=await self._repository_of(job), job=job)
        for found in answer["results"]:
            for partition in _checked(found["partitionsOrError"])["results"]:
                return str(partition["name"])
        raise DagsterError(f"{job} has no partition yet")

    async def launch(self, job: str, *, tags: Mapping[str, str], config: Mapping[str, Any] | None = None) -> Launched:
        """Launch a run of a job, which Dagster may queue.

        Args:
            job: its name.
            tags: of the run; a partitioned job needs ``dagster/partition``.
            config: of the run.

        Raises:
            DagsterError: Dagster is away, or refuses: no such job, no such partition, wrong config.
        """
        repository = await self._repository_of(job)
        params = {
            "selector": {**repository, "jobName": job},
            "runConfigData": dict(config or {}),
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        run_id = str((await self._ask(_LAUNCH, params=params))["run"]["runId"])
        return Launched(run_id, f"{self._public_address}/runs/{run_id}")

    async def report_observation(self, asset: str, partition: str, description: str) -> None:
        """Report an observation of an asset's partition, which sensors find in the event log.

        Dagster accepts any asset key, whether or not the code location has such an asset.

        Raises:
            DagsterError: Dagster is away.
        """
        event = {
            "eventType": "ASSET_OBSERVATION",
            "assetKey": {"path": [asset]},
            "partitionKeys": [partition],
            "description": description,
        }
        await self._ask(_OBSERVE, event=event)

    async def figures(self, jobs: Sequence[str]) -> DagsterFigures:
        """Read when each asset was last materialized, and how the last runs of some jobs ended.

        Raises:
            DagsterError: Dagster is away.
        """
        nodes = await self._ask(_MATERIALIZATIONS)
        newest = {"/".join(node["assetKey"]["path"]): node["assetMaterializations"] for node in nodes}
        runs = {job: (await self._ask(_LAST_RUN, job=job))["results"] for job in jobs}
        return DagsterFigures(
            {asset: float(events[0]["timestamp"]) / 1000 for asset, events in newest.items() if events},
            {job: ended[0]["status"] == "FAILURE" for job, ended in runs.items() if ended},
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _repository_of(self, job: str) -> dict[str, str]:
        for node in (await self._ask(_JOBS))["nodes"]:
            if any(known["name"] == job for known in node["jobs"]):
                return {"repositoryLocationName": node["location"]["name"], "repositoryName": node["name"]}
        raise DagsterError(f"Dagster has no job {job}, or its code is still being loaded")

    async def _ask(self, document: str, **variables: Any) -> Any:
        """Send a GraphQL operation with a single field, and return the value of that field."""
        if not self.configured:
            raise DagsterError("the service has no address of Dagster; set ROAD_API_DAGSTER_URL")
        try:
            response = await self._http.post("/graphql", json={"query": document, "variables": variables})
        except httpx.HTTPError as error:
            raise DagsterError(f"Dagster cannot be reached ({type(error).__name__})") from error
        try:
            body = response.json()
        except ValueError as error:
            raise DagsterError(_NO_DAGSTER.format(status=response.status_code)) from error
        if not isinstance(body, dict) or not (body.get("errors") or body.get("data")):
            raise DagsterError(_NO_DAGSTER.format(status=response.status_code))
        if body.get("errors"):
            raise DagsterError(f"Dagster refused: {body['errors'][0]['message']}")
        (answer,) = body["data"].values()
        return _checked(answer)


def _checked(answer: Any) -> Any:
    if isinstance(answer, dict):
        if "errors" in answer:
            raise DagsterError("Dagster refused: " + "; ".join(error["message"] for error in answer["errors"]))
        if "message" in answer:
            raise DagsterError(f"Dagster refused: {answer['message']}")
    return answer
