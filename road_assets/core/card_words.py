"""The words of a model card that stand in no other list, and the names of its files.

Here because the service, which hands cards out, must not load what writes them (``model_card``). Features, codes and
outcomes have their labels in ``vocabulary`` and ``scene_fields``.
"""

from dataclasses import dataclass
from typing import Final, Literal

from road_assets.core.vocabulary import DATA_DEMONSTRATION, DATA_OFFICIAL

Language = Literal["fr", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("fr", "en")

CARD_FOLDER: Final = "card"
"""Folder beside the bundle, among the artifacts of the run that trained the model."""


def card_file(language: Language, suffix: Literal["md", "html"]) -> str:
    """Name of a card's file; the HTML files link each other by it."""
    return f"model_card.{language}.{suffix}"


HTML_CARDS: Final[dict[Language, str]] = {language: card_file(language, "html") for language in LANGUAGES}
"""What the service hands out."""


@dataclass(frozen=True, slots=True)
class Words:
    """The same in both languages.

    Attributes:
        fr: in French.
        en: in English.
    """

    fr: str
    en: str

    def to(self, language: Language) -> str:
        """In one of them."""
        return self.fr if language == "fr" else self.en


FIGURES: Final[dict[str, Words]] = {
    "roc_auc": Words("Aire sous la courbe ROC", "Area under the ROC curve"),
    "average_precision": Words("Précision moyenne", "Average precision"),
    "brier": Words("Score de Brier (0 est parfait)", "Brier score (0 is perfect)"),
    "calibration_error": Words("Erreur de calibration (0 est parfait)", "Calibration error (0 is perfect)"),
    "accuracy": Words("Exactitude", "Accuracy"),
    "balanced_accuracy": Words("Exactitude équilibrée", "Balanced accuracy"),
    "precision_macro": Words("Précision (macro)", "Precision (macro)"),
    "recall_macro": Words("Rappel (macro)", "Recall (macro)"),
    "f1_macro": Words("F1 (macro)", "F1 (macro)"),
}
"""Figures that a card tells, by their name in the manifest and in the order told."""

PLOTS: Final[dict[str, Words]] = {
    "ROC": Words("Courbe ROC", "ROC curve"),
    "precision_and_recall": Words("Précision et rappel", "Precision and recall"),
    "calibration": Words(
        "Calibration : part estimée et part observée de cas graves",
        "Calibration: estimated and observed share of severe cases",
    ),
    "confusion": Words("Matrice de confusion au seuil de décision", "Confusion matrix at the decision threshold"),
    "importances": Words("Importance des variables", "Importance of the inputs"),
}
"""Captions of plots by the name they are logged under, in the order shown."""

SLICE_FIELDS: Final[dict[str, Words]] = {
    "departement": Words("Groupe de départements", "Group of départements"),
    "dep": Words("Groupe de départements", "Group of départements"),
}
"""Groupings that are no input of the model."""

FAMILIES: Final[dict[str, Words]] = {
    "forest": Words("forêt aléatoire", "random forest"),
    "boosting": Words("gradient boosting sur catégories", "gradient boosting on categories"),
}

DATA_IN_FRENCH: Final = {
    DATA_OFFICIAL: "données officielles (ONISR, Licence Ouverte / Etalab 2.0)",
    DATA_DEMONSTRATION: "données de démonstration, générées",
}
