"""Client of MLflow's model registry over its REST interface: the version in production, and the files of bundles.

The package ``mlflow`` is not used: its import takes seconds, and needs packages that the service must not contain.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any, Final

import httpx

from road_api.services.model_store import ModelRef
from road_assets.core.bundle import MANIFEST_FILE, files_of, read_manifest
from road_assets.core.model_card_labels import CARD_FOLDER, HTML_CARDS
from road_assets.core.vocabulary import MODEL_NAME, PRODUCTION_ALIAS

BUNDLE_FOLDER: Final = "bundle"
"""Folder of the bundle among the artifacts of a run."""

TIMEOUT: Final = httpx.Timeout(30.0, connect=3.0)
"""Seconds to wait for bytes, and for a connection."""

_NO_SUCH_VERSION = (httpx.codes.NOT_FOUND, httpx.codes.BAD_REQUEST)
"""MLflow's status for a missing model or version, and for a missing alias."""

_NO_ENTRY = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


class RegistryError(RuntimeError):
    """The registry cannot be reached, or does not answer like MLflow."""


def open_client(uri: str, username: str | None = None, password: str | None = None) -> httpx.AsyncClient:
    """Make a client for a registry; the caller closes it.

    Args:
        uri: address of the MLflow server.
        username: for basic authentication, with ``password``.
        password: for basic authentication.
    """
    # A proxy of the environment leads out of this machine, so it is not used for addresses on it.
    local = _is_local(httpx.URL(uri).host)
    auth = httpx.BasicAuth(username, password or "") if username else None
    return httpx.AsyncClient(base_url=uri.rstrip("/") + "/", auth=auth, timeout=TIMEOUT, trust_env=not local)


class ModelRegistry:
    """Reads from an MLflow server."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """Use a client that has the server's address as its base URL."""
        self._client = client

    async def find_production(self) -> ModelRef | None:
        """Find the version that the production alias points to.

        Returns:
            The version, or None while nothing was promoted.

        Raises:
            RegistryError: there is no answer, or it is not MLflow's.
        """
        query = {"name": MODEL_NAME, "alias": PRODUCTION_ALIAS}
        response = await self._get("api/2.0/mlflow/registered-models/alias", query)
        return _read_version(response)

    async def find_version(self, version: str) -> ModelRef | None:
        """Find a version by its number.

        Returns:
            The version, or None if there is no such number.

        Raises:
            RegistryError: there is no answer, or it is not MLflow's.
        """
        response = await self._get("api/2.0/mlflow/model-versions/get", {"name": MODEL_NAME, "version": version})
        return _read_version(response)

    async def download(self, ref: ModelRef) -> dict[str, bytes]:
        """Fetch the files of a version's bundle.

        Returns:
            Content by file name, not yet checked.

        Raises:
            RegistryError: a file is missing, or the transfer failed.
            BundleError: its manifest cannot be read.
        """
        files = await self._download(ref, BUNDLE_FOLDER, (MANIFEST_FILE,))
        return files | await self._download(ref, BUNDLE_FOLDER, files_of(read_manifest(files))[1:])

    async def download_card(self, ref: ModelRef) -> dict[str, bytes]:
        """Fetch the pages of a version's model card, which is written some seconds after the promotion.

        Returns:
            Content by file name.

        Raises:
            RegistryError: there is no card, or the transfer failed.
        """
        return await self._download(ref, CARD_FOLDER, HTML_CARDS.values())

    async def _download(self, ref: ModelRef, folder: str, names: Iterable[str]) -> dict[str, bytes]:
        files = {}
        for name in names:
            response = await self._get("get-artifact", {"run_uuid": ref.run_id, "path": f"{folder}/{name}"})
            _expect_success(response)
            files[name] = response.content
        return files

    async def _get(self, path: str, query: dict[str, str]) -> httpx.Response:
        try:
            return await self._client.get(path, params=query)
        except httpx.HTTPError as error:
            detail = str(error) or type(error).__name__
            raise RegistryError(f"no answer from {self._client.base_url}{path}: {detail}") from error


def _read_version(response: httpx.Response) -> ModelRef | None:
    if response.status_code in _NO_SUCH_VERSION and _is_mlflow_error(_json(response)):
        return None
    _expect_success(response)
    try:
        version = _json(response)["model_version"]
        return ModelRef(str(version["version"]), str(version["run_id"]))
    except (KeyError, TypeError) as error:
        raise RegistryError(f"{response.url} does not describe a model version: {response.text[:200]!r}") from error


def _is_mlflow_error(content: Any) -> bool:
    return isinstance(content, dict) and "error_code" in content


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise RegistryError(f"{response.url} answered {response.status_code} without JSON; is it MLflow?") from error


def _expect_success(response: httpx.Response) -> None:
    if response.status_code in _NO_ENTRY:
        raise RegistryError(
            f"{response.url.copy_with(query=None)} answered {response.status_code}: it does not let us in; set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to a user who may read the model"
        )
    if not response.is_success:
        raise RegistryError(f"{response.url} answered {response.status_code}: {response.text[:200]!r}")
