"""The model that answers now. Replacing it is one assignment: a request sees the old or the new one, never a mix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from road_assets.core.bundle import ANSWERS_FILE, Bundle
from road_assets.core.model_card_labels import HTML_CARDS


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A version in the registry. The run tells versions of the same number apart after a registry was made anew."""

    version: str
    run_id: str


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A checked model with what is needed to check it again.

    Attributes:
        ref: which version it is.
        bundle: the running model.
        known_answers: content of the bundle's file of known questions.
        card: pages of the model card by file name, empty while the registry has none.
        card_problem: why there is none.
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
        """Check a bundle and start it. Takes a moment, so call it in a thread.

        Args:
            ref: which version the files are.
            files: content of the bundle by file name, with the pages of the card where there are any.

        Raises:
            BundleError: the bundle must not answer.
        """
        card = {name: files[name] for name in HTML_CARDS.values() if name in files}
        return cls(ref, Bundle.open(files), files[ANSWERS_FILE], card)


class ModelStore:
    """Holds the model that answers.

    Attributes:
        current: the model, None until the first one is loaded. Take it once per request and use nothing else.
    """

    def __init__(self) -> None:
        """Start without a model."""
        self.current: ServedModel | None = None
