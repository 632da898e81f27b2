"""A client of a running Dagster's GraphQL interface. What is to be run, and why, is decided elsewhere.

Dagster's own Python client imports all of Dagster, which takes seconds and 150 MB; the supervisor is to stay small.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from road_assets.errors import UserFacingError

REQUEST_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 60.0
"""How long a web server may be away, as during a restart, before a request fails."""

EVENTS_PER_PAGE: Final = 1000

_STORAGE_AWAY: Final = ("OperationalError", "InterfaceError", "DagsterPostgresException", "retries for DB connection")
"""Parts of the error messages by which Dagster tells that it cannot reach Postgres."""

_WRAPPERS: Final = frozenset({"DagsterExecutionStepExecutionError", "DagsterExecutionLoadInputError"})

_LOCATIONS = """query Locations { workspaceOrError { __typename
  ... on PythonError { message }
  ... on Workspace { locationEntries { name loadStatus locationOrLoadError { __typename
    ... on PythonError { message }
    ... on RepositoryLocation { repositories { name } } } } } } }"""

_RELOAD = (
    """mutation Reload($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }"""
)

_DAEMONS = "query Daemons { instance { daemonHealth { allDaemonStatuses { required lastHeartbeatTime } } } }"

_LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on Error { message } } }"""

_STATUS = """query Status($id: ID!) { runOrError(runId: $id) { __typename
  ... on Error { message } ... on Run { status tags { key value } } } }"""

_EVENTS = """query Events($id: ID!, $cursor: String, $limit: Int) {
  logsForRun(runId: $id, afterCursor: $cursor, limit: $limit) { __typename
    ... on Error { message }
    ... on EventConnection { cursor hasMore events { __typename
      ... on MessageEvent { stepKey timestamp message }
      ... on ErrorEvent { error { className message errorChain { error { message } } } } } } } }"""

_METADATA = """query Metadata($path: [String!]!, $partition: String!) { assetNodeOrError(assetKey: {path: $path}) {
  __typename ... on AssetNotFoundError { message }
  ... on AssetNode { assetMaterializations(partitions: [$partition], limit: 1) {
    metadataEntries { label ... on JsonMetadataEntry { jsonString } } } } } }"""

_UNFINISHED = """query Unfinished { runsOrError(filter: {statuses: [STARTING, STARTED, CANCELING]}) { __typename
  ... on Error { message } ... on Runs { results { runId jobName updateTime } } } }"""

_TERMINATE = """mutation End($ids: [String!]!) {
  terminateRuns(runIds: $ids, terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) { __typename
  ... on Error { message } } }"""


class DagsterError(UserFacingError):
    """Dagster refused a request, or could not be reached."""


class StorageAwayError(DagsterError):
    """Dagster answered that it cannot reach its storage, as while Postgres restarts."""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a run's log.

    Attributes:
        kind: Dagster's name of the event's type.
        step: the step it is about, if any.
        moment: when, in seconds since the epoch.
        message: Dagster's words.
        error: message of the error that it tells of, if any.
    """

    kind: str
    step: str | None
    moment: float
    message: str
    error: str | None


class DagsterClient:
    """A client of one web server, for one code location."""

    def __init__(
        self,
        address: str,
        location: str,
        pause: Callable[[float], None] = time.sleep,
        *,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        """Prepare a client; nothing is requested yet.

        Args:
            address: ``http://host:port`` of the web server.
            location: name of the code location.
            pause: sleeps between attempts; may raise to give up waiting.
            request_seconds: how long one answer may take.
        """
        self._location = location
        self._pause = pause
        self._http = httpx.Client(base_url=address, timeout=request_seconds, trust_env=False)

    def ask(self, document: str, **variables: Any) -> Any:
        """Send one GraphQL operation; retry for a while if the server or its storage is away.

        A mutation is sent again only if it never reached the server.

        Returns:
            The value of the operation's only field.

        Raises:
            DagsterError: the server stays away, or answers with an error.
        """
        changes = document.startswith("mutation")
        again: tuple[type[Exception], ...] = (
            (httpx.ConnectError,) if changes else (httpx.TransportError, StorageAwayError)
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return _single_answer(self._http.post("/graphql", json={"query": document, "variables": variables}))
            except (httpx.TransportError, StorageAwayError) as error:
                if not isinstance(error, again) or time.monotonic() > deadline:
                    if isinstance(error, DagsterError):
                        raise
                    raise DagsterError(f"Dagster at {self._http.base_url} cannot be reached: {error!r}") from error
                self._pause(1.0)

    def repository(self) -> str | None:
        """Name of the location's repository; None while it is being loaded.

        A location that failed to load is reloaded: the web server may have asked before the code server listened.

        Raises:
            DagsterError: the code does not load.
        """
        for entry in self.ask(_LOCATIONS)["locationEntries"]:
            loaded = entry["locationOrLoadError"]
            if entry["name"] != self._location or entry["loadStatus"] != "LOADED" or loaded is None:
                continue
            if loaded["__typename"] == "PythonError":
                self.ask(_RELOAD, name=self._location)
                raise DagsterError(f"code location {self._location} does not load: {loaded['message']}")
            return str(loaded["repositories"][0]["name"])
        return None

    def daemon_alive_since(self, moment: float) -> bool:
        """Whether every daemon has sent a heartbeat after a moment, given in seconds since the epoch."""
        daemons = self.ask(_DAEMONS)["daemonHealth"]["allDaemonStatuses"]
        return all((daemon["lastHeartbeatTime"] or 0) > moment for daemon in daemons if daemon["required"])

    def launch(
        self, job: str, tags: Mapping[str, str], *, assets: Iterable[str] = (), config: Mapping[str, Any] | None = None
    ) -> str:
        """Submit a run of a job.

        Args:
            job: its name.
            tags: of the run, which name its partitions.
            assets: only these of the job; all of them by default.
            config: of the run; that of the job by default.

        Returns:
            The run's id.

        Raises:
            DagsterError: there is no such job or partition, or the location is not loaded.
        """
        repository = self.repository()
        if repository is None:
            raise DagsterError(f"code location {self._location} is not loaded")
        selector: dict[str, Any] = {
            "repositoryLocationName": self._location,
            "repositoryName": repository,
            "jobName": job,
        }
        if assets:
            selector["assetSelection"] = [{"path": [asset]} for asset in assets]
        params = {
            "selector": selector,
            "runConfigData": dict(config or {}),
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        return str(self.ask(_LAUNCH, params=params)["run"]["runId"])

    def status(self, run: str) -> str:
        """Status of a run, such as ``QUEUED`` or ``SUCCESS``."""
        return str(self.ask(_STATUS, id=run)["status"])

    def tags(self, run: str) -> dict[str, str]:
        """Tags of a run, including those that Dagster added when it failed."""
        return {tag["key"]: tag["value"] for tag in self.ask(_STATUS, id=run)["tags"]}

    def events(self, run: str, cursor: str | None) -> tuple[list[Event], str | None]:
        """All events of a run after a cursor, and the cursor to continue from."""
        events: list[Event] = []
        while True:
            page = self.ask(_EVENTS, id=run, cursor=cursor, limit=EVENTS_PER_PAGE)
            events.extend(_event(entry) for entry in page["events"])
            cursor = page["cursor"]
            if not page["hasMore"]:
                return events, cursor

    def json_metadata(self, asset: str, partition: str, label: str) -> Any:
        """What the newest materialization of a partition says under a label of its metadata, which must be JSON.

        Returns:
            The value; None if there is no such materialization or label.

        Raises:
            DagsterError: there is no such asset.
        """
        found = self.ask(_METADATA, path=[asset], partition=partition)["assetMaterializations"]
        entries = [entry for event in found for entry in event["metadataEntries"] if entry["label"] == label]
        return json.loads(entries[0]["jsonString"]) if entries else None

    def end_abandoned_runs(self, before: float) -> list[str]:
        """Mark the runs of an earlier platform that were cut off when it stopped as cancelled; nobody else does.

        Args:
            before: moment of this platform's start, in seconds since the epoch. Later runs are left alone.

        Returns:
            Names of the jobs of these runs.
        """
        runs = [run for run in self.ask(_UNFINISHED)["results"] if (run["updateTime"] or 0) < before]
        if runs:
            self.ask(_TERMINATE, ids=[run["runId"] for run in runs])
        return [run["jobName"] for run in runs]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _single_answer(response: httpx.Response) -> Any:
    try:
        body = response.json()
    except ValueError as error:
        raise DagsterError(f"Dagster answered {response.status_code}: {response.text[:500]}") from error
    if body.get("errors"):
        raise _refusal(f"Dagster refused: {body['errors'][0]['message']}")
    (answer,) = body["data"].values()
    if "message" in answer or "errors" in answer:
        messages = [answer["message"]] if "message" in answer else [error["message"] for error in answer["errors"]]
        raise _refusal(f"{answer['__typename']}: {'; '.join(messages)}")
    return answer


def _refusal(words: str) -> DagsterError:
    return StorageAwayError(words) if any(name in words for name in _STORAGE_AWAY) else DagsterError(words)


def _event(entry: Mapping[str, Any]) -> Event:
    return Event(
        kind=entry["__typename"],
        step=entry.get("stepKey"),
        moment=float(entry.get("timestamp") or 0) / 1000,
        message=entry.get("message") or "",
        error=_cause(entry.get("error")),
    )


def _cause(error: Mapping[str, Any] | None) -> str | None:
    """The message of what the asset's code raised. Dagster wraps it in an error that tells only where it happened.

    The class name of a ``Failure``, whose message is written for people, is taken off.
    """
    if error is None:
        return None
    wrapped = error["className"] in _WRAPPERS and error["errorChain"]
    message = str((error["errorChain"][0]["error"] if wrapped else error)["message"]).strip()
    return message.removeprefix("dagster._core.definitions.events.Failure: ")
