"""Models that answered before: the one that answers now, those on disk, and those in the registry."""

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
"""Former models kept in memory: whoever asks about one answer tends to ask about the next."""

logger = structlog.get_logger()


class FormerModels:
    """Finds and opens the models of a version."""

    def __init__(self, store: ModelStore, cache: BundleCache, registry: ModelRegistry) -> None:
        """Look where models are."""
        self._store = store
        self._cache = cache
        self._registry = registry
        self._open: OrderedDict[ModelRef, ServedModel] = OrderedDict()
        self._opening = asyncio.Lock()

    async def find(self, version: str) -> AsyncIterator[ServedModel]:
        """Open the models of a version, those nearest at hand first.

        They are several where a registry was made anew and counts its versions from 1 again.

        Args:
            version: number in the registry.

        Raises:
            RegistryError: the ones at hand were not enough, and the registry does not answer or has not all the files.
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
        """Open a model once, and keep it for a while; a damaged one is reported and passed over."""
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
