"""The model that answers. It is replaced by one assignment: a request sees the old model or the new one, never both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from road_assets.core.bundle import ANSWERS_FILE, Bundle
from road_assets.core.model_card_labels import HTML_CARDS


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A version in the registry. If a registry was made anew, the run tells versions of the same number apart."""

    version: str
    run_id: str


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A checked model, with its model card and what is needed to check it again.

    Attributes:
        ref: its version.
        bundle: the model itself.
        known_answers: content of the bundle's file of known questions and answers.
        card: pages of the model card by file name, empty while the registry has none.
        card_problem: why there is no card.
        loaded_at: moment of loading, UTC.
    """

    ref: ModelRef
    bundle: Bundle
    known_answers: bytes
    card: Mapping[str, bytes] = field(default_factory=dict)
    card_problem: str | None = None
    loaded_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def open(cls, ref: ModelRef, files: dict[str, bytes]) -> "ServedModel":
        """Check a bundle and load its model. It takes a moment, so call it in a thread.

        Args:
            ref: version of the files.
            files: content of the bundle by file name, with the pages of the card if there are any.

        Raises:
            BundleError: the bundle must not answer.
        """
        card = {name: files[name] for name in HTML_CARDS.values() if name in files}
        return cls(ref, Bundle.open(files), files[ANSWERS_FILE], card)


class ModelStore:
    """Holds the model that answers.

    Attributes:
        current: the model, None until the first one is loaded. Read it once per request, and use that object only.
    """

    def __init__(self) -> None:
        """Start without a model."""
        self.current: ServedModel | None = None
