"""Follows the production alias: loads a new version beside the old, checks it, keeps it on disk, then swaps.

Whatever goes wrong, the model that answers stays, the failure is logged and counted, and the next look tries again.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import structlog

from road_api.metrics import Metrics
from road_api.services.bundle_cache import BundleCache
from road_api.services.model_registry import ModelRegistry, RegistryError
from road_api.services.model_store import ModelRef, ModelStore, ServedModel
from road_assets.core.bundle import BundleError

LOOKS_BETWEEN_CARDS: Final = 6
"""A card that is not there yet is asked for at every sixth look: half a minute at the usual pace."""

logger = structlog.get_logger()


Outcome = Literal["loaded", "unchanged", "refused", "nothing promoted", "unreachable"]


class Look(NamedTuple):
    """What one look came to.

    Attributes:
        outcome: in a word.
        detail: the same with its reason.
    """

    outcome: Outcome
    detail: str


@dataclass(slots=True)
class PollerState:
    """What the last look found, for the health endpoint.

    Attributes:
        reachable: whether the registry answered, None before the first look.
        detail: the same in words.
        refused: why the last version offered is not served, None if it is.
    """

    reachable: bool | None = None
    detail: str = "not asked yet"
    refused: str | None = None


class ModelPoller:
    """Keeps a store filled with the production model.

    Attributes:
        state: what the last look found.
    """

    def __init__(self, registry: ModelRegistry, cache: BundleCache, store: ModelStore, metrics: Metrics) -> None:
        """Move bundles from a registry to a cache and a store."""
        self._registry = registry
        self._cache = cache
        self._store = store
        self._metrics = metrics
        self.state = PollerState()
        self._looks_without_card = 0
        self._looking = asyncio.Lock()

    async def restore(self) -> None:
        """Start with the bundle on disk, if there is one; a damaged one is refused and reported."""
        try:
            kept = await asyncio.to_thread(self._cache.load)
            if kept is not None:
                self._swap(await asyncio.to_thread(ServedModel.open, *kept), source="disk")
        except Exception as error:  # noqa: BLE001 (a start must not fail because of what was left on disk)
            self._report_refusal("the bundle on disk", error)

    async def run(self, seconds: float) -> None:
        """Look for ever, with a pause of some seconds between two looks."""
        while True:
            await self.poll()
            await asyncio.sleep(seconds)

    async def poll(self) -> Look:
        """Look once, and load what is new; one look at a time."""
        async with self._looking:
            return await self._poll()

    async def _poll(self) -> Look:
        try:
            ref = await self._registry.find_production()
        except RegistryError as error:
            self._report_registry(reachable=False, detail=str(error))
            return Look("unreachable", str(error))
        self._report_registry(reachable=True, detail="answers" if ref else "answers, but nothing was promoted yet")
        current = self._store.current
        if ref is None:
            return Look("nothing promoted", "the registry answers, but no version is in production")
        if current is not None and current.ref == ref:
            self.state.refused = None
            await self._complete(current)
            return Look("unchanged", f"version {ref.version} is in production and answers already")
        try:
            await self._load(ref)
        except Exception as error:  # noqa: BLE001 (a new version must not take the service down, whatever it holds)
            return Look("refused", self._report_refusal(f"version {ref.version}", error))
        return Look("loaded", f"version {ref.version} answers from now on")

    async def _load(self, ref: ModelRef) -> None:
        files = await self._registry.download(ref)
        model = await asyncio.to_thread(ServedModel.open, ref, files)
        await asyncio.to_thread(self._cache.save, ref, files)
        self._swap(model, source="registry")
        self._looks_without_card = 0
        await self._complete(model)

    async def _complete(self, model: ServedModel) -> None:
        """Fetch the card of the model that answers, if it has none; whatever goes wrong, the model answers on."""
        looks, self._looks_without_card = self._looks_without_card, self._looks_without_card + 1
        if model.card or looks % LOOKS_BETWEEN_CARDS:
            return
        try:
            card = await self._registry.download_card(model.ref)
            await asyncio.to_thread(self._cache.save_card, model.ref, card)
        except (RegistryError, BundleError, OSError) as error:
            if model.card_problem is None:
                logger.info("no model card", version=model.ref.version, reason=str(error))
            self._store.current = replace(model, card_problem=str(error))
        else:
            self._store.current = replace(model, card=card, card_problem=None)
            logger.info("model card loaded", version=model.ref.version)

    def _swap(self, model: ServedModel, source: str) -> None:
        self._store.current = model
        self.state.refused = None
        self._metrics.show_model(model.ref.version, model.loaded_at.timestamp())
        logger.info("model loaded", version=model.ref.version, source=source, data=model.bundle.manifest.data)

    def _report_registry(self, *, reachable: bool, detail: str) -> None:
        self._metrics.registry_up.set(reachable)
        if (reachable, detail) != (self.state.reachable, self.state.detail):  # not a line every few seconds
            logger.log(
                logging.INFO if reachable else logging.WARNING, "model registry", reachable=reachable, detail=detail
            )
        self.state.reachable, self.state.detail = reachable, detail

    def _report_refusal(self, what: str, error: Exception) -> str:
        self._metrics.swap_failures.inc()
        reason = f"{what} is refused: {error or type(error).__name__}"
        if reason != self.state.refused:
            expected = isinstance(error, BundleError | RegistryError | OSError)
            logger.error("model refused", reason=reason, exc_info=None if expected else error)
        self.state.refused = reason
        return reason
