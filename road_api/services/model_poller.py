"""Follows the production alias: loads a new version beside the old one, checks it, saves it on disk, then swaps.

If anything fails, the old model goes on answering, the failure is logged and counted, and the next poll tries again.
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

POLLS_PER_CARD_REQUEST: Final = 6
"""A model card that does not exist yet is requested at every sixth poll: twice a minute with the default setting."""

logger = structlog.get_logger()


Outcome = Literal["loaded", "unchanged", "refused", "nothing promoted", "unreachable"]


class PollResult(NamedTuple):
    """Result of one poll.

    Attributes:
        outcome: what happened.
        detail: the same in a sentence, with the reason.
    """

    outcome: Outcome
    detail: str


@dataclass(slots=True)
class PollerState:
    """What the last poll found, for the health endpoint.

    Attributes:
        reachable: whether the registry answered, None before the first poll.
        detail: the same in words.
        refused: why the version in production is not served, None if it is.
    """

    reachable: bool | None = None
    detail: str = "not asked yet"
    refused: str | None = None


class ModelPoller:
    """Keeps a store filled with the production model.

    Attributes:
        state: what the last poll found.
    """

    def __init__(self, registry: ModelRegistry, cache: BundleCache, store: ModelStore, metrics: Metrics) -> None:
        """Move bundles from a registry to a cache and a store."""
        self._registry = registry
        self._cache = cache
        self._store = store
        self._metrics = metrics
        self.state = PollerState()
        self._polls_without_card = 0
        self._polling = asyncio.Lock()

    async def restore(self) -> None:
        """Load the last good bundle from disk, if there is one; a damaged one is refused and reported."""
        try:
            kept = await asyncio.to_thread(self._cache.load)
            if kept is not None:
                self._swap(await asyncio.to_thread(ServedModel.open, *kept), source="disk")
        except Exception as error:  # noqa: BLE001 (what lies on disk must not prevent the start)
            self._report_refusal("the bundle on disk", error)

    async def run(self, seconds: float) -> None:
        """Poll until cancelled, with a pause of some seconds in between."""
        while True:
            try:
                await self.poll()
            except Exception:  # polling must not end, whatever the registry answers
                logger.exception("polling the model registry failed")
                self._metrics.registry_up.set(0)
            await asyncio.sleep(seconds)

    async def poll(self) -> PollResult:
        """Ask the registry once, and load a new version; concurrent calls run one after the other."""
        async with self._polling:
            return await self._poll()

    async def _poll(self) -> PollResult:
        try:
            ref = await self._registry.find_production()
        except RegistryError as error:
            self._report_registry(reachable=False, detail=str(error))
            return PollResult("unreachable", str(error))
        self._report_registry(reachable=True, detail="answers" if ref else "answers, but nothing was promoted yet")
        current = self._store.current
        if ref is None:
            return PollResult("nothing promoted", "the registry answers, but no version is in production")
        if current is not None and current.ref == ref:
            self.state.refused = None
            await self._fetch_card(current)
            return PollResult("unchanged", f"version {ref.version} is in production and answers already")
        try:
            await self._load(ref)
        except Exception as error:  # noqa: BLE001 (no new version may take the service down, whatever is in it)
            return PollResult("refused", self._report_refusal(f"version {ref.version}", error))
        return PollResult("loaded", f"version {ref.version} answers from now on")

    async def _load(self, ref: ModelRef) -> None:
        files = await self._registry.download(ref)
        model = await asyncio.to_thread(ServedModel.open, ref, files)
        await asyncio.to_thread(self._cache.save, ref, files)
        self._swap(model, source="registry")
        self._polls_without_card = 0
        await self._fetch_card(model)

    async def _fetch_card(self, model: ServedModel) -> None:
        """Fetch the card of the model that answers, if it has none yet; the model answers without one, too."""
        polls, self._polls_without_card = self._polls_without_card, self._polls_without_card + 1
        if model.card or polls % POLLS_PER_CARD_REQUEST:
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
        if (reachable, detail) != (self.state.reachable, self.state.detail):  # only changes are logged
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
