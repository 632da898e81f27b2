"""What the service asks of Dagster, over its GraphQL interface: to start a run, to note an alert, and how runs went.

Dagster itself is not part of the service. What the runs do is decided in the code location.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

REQUEST_SECONDS: Final = 20.0
"""Starting a run includes a question to the code server."""

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


class DagsterError(RuntimeError):
    """Dagster cannot be reached, or refuses; the message says which and is fit for an answer."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A run that Dagster has taken.

    Attributes:
        run_id: its id.
        url: its page.
    """

    run_id: str
    url: str


@dataclass(frozen=True, slots=True)
class DagsterFigures:
    """How the platform's work goes.

    Attributes:
        materialized_at: Unix time of each asset's last materialization; assets without any are left out.
        failed: for each job that ever ended, whether its last run failed.
    """

    materialized_at: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, bool] = field(default_factory=dict)


class Dagster:
    """Speaks to one Dagster web server.

    Attributes:
        configured: whether an address was given; without one each question is answered with ``DagsterError``.
    """

    def __init__(self, address: str | None, public_address: str | None = None) -> None:
        """Name the server; nothing is asked yet.

        Args:
            address: ``http://host:port``.
            public_address: the same as a browser reaches it, where that differs.
        """
        self.configured = address is not None
        self._public_address = public_address or address
        self._http = httpx.AsyncClient(base_url=address or "", timeout=REQUEST_SECONDS, trust_env=False)

    async def newest_partition(self, job: str) -> str:
        """Key of the newest partition of a job: what its schedule would run next, or has run last.

        Raises:
            DagsterError: Dagster is away, there is no such job, or no partition of it.
        """
        answer = await self._ask(_NEWEST, repository=await self._repository_of(job), job=job)
        for found in answer["results"]:
            for partition in _checked(found["partitionsOrError"])["results"]:
                return str(partition["name"])
        raise DagsterError(f"{job} has no partition yet")

    async def launch(self, job: str, *, tags: Mapping[str, str], config: Mapping[str, Any] | None = None) -> Launched:
        """Have a run of a job started, or queued.

        Args:
            job: its name.
            tags: of the run; among them ``dagster/partition`` for a partitioned job.
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

    async def observe(self, asset: str, partition: str, description: str) -> None:
        """Put an observation of an asset's partition into the event log, where sensors find it.

        Dagster takes it for any key, whether or not its code has such an asset.

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
        """Look at all assets, and at the last run of some jobs.

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
        """Send one operation, and return the value of its only field."""
        if not self.configured:
            raise DagsterError("the service was not told where Dagster is; set ROAD_API_DAGSTER_URL")
        try:
            response = await self._http.post("/graphql", json={"query": document, "variables": variables})
        except httpx.TransportError as error:
            raise DagsterError(f"Dagster cannot be reached ({type(error).__name__})") from error
        try:
            body = response.json()
        except ValueError as error:
            raise DagsterError(f"Dagster answered {response.status_code} with something else than JSON") from error
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
