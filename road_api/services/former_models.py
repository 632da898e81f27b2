"""Opening the model that gave a former answer: it may be the current one, or be on disk, or in the registry."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Final

import structlog

from road_api.services.bundle_cache import BundleCache
from road_api.services.model_registry import ModelRegistry
from road_api.services.model_store import ModelRef, ModelStore, ServedModel
from road_assets.core.bundle import BundleError

KEPT_OPEN: Final = 2
"""Former models kept in memory: a question about one answer is often followed by one about the next."""

logger = structlog.get_logger()


class FormerModels:
    """Finds and opens models by version number."""

    def __init__(self, store: ModelStore, cache: BundleCache, registry: ModelRegistry) -> None:
        """Set the places where models are looked for."""
        self._store = store
        self._cache = cache
        self._registry = registry
        self._open: OrderedDict[ModelRef, ServedModel] = OrderedDict()
        self._opening = asyncio.Lock()

    async def find(self, version: str) -> AsyncIterator[ServedModel]:
        """Open the models with a version number, those in memory and on disk before those in the registry.

        There may be several: a registry that was made anew counts its versions from 1 again.

        Args:
            version: number in the registry.

        Raises:
            RegistryError: the registry is needed, and does not answer or lacks a file.
        """
        seen = set()
        current = self._store.current
        if current is not None and current.ref.version == version:
            seen.add(current.ref)
            yield current
        for ref, files in await asyncio.to_thread(self._cache.find, version):
            if ref not in seen and (model := await self._opened(ref, files)):
                seen.add(ref)
                yield model
        registered = await self._registry.find_version(version)
        if registered is not None and registered not in seen and (model := await self._opened(registered)):
            yield model

    async def _opened(self, ref: ModelRef, files: dict[str, bytes] | None = None) -> ServedModel | None:
        """Open a model, and keep the last ones in memory; a damaged one is logged and skipped."""
        async with self._opening:
            if ref in self._open:
                self._open.move_to_end(ref)
                return self._open[ref]
            try:
                content = files or await self._registry.download(ref)
                self._open[ref] = await asyncio.to_thread(ServedModel.open, ref, content)
            except BundleError as error:
                logger.warning("a former model cannot be opened", version=ref.version, reason=str(error))
                return None
            while len(self._open) > KEPT_OPEN:
                self._open.popitem(last=False)
            return self._open[ref]
