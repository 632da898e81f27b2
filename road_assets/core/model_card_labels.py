"""Labels of a model card in French and English, and the names of its files.

They are apart from ``model_card``, which writes cards, because the service serves cards and must not load what writes
them. The labels of features, codes and outcomes are in ``vocabulary`` and ``scene_fields``.
"""

from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["fr", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("fr", "en")

CARD_FOLDER: Final = "card"
"""Folder beside the bundle, among the artifacts of the run that trained the model."""


def card_file(language: Language, suffix: Literal["md", "html"]) -> str:
    """Name of a card's file; the HTML files link each other by it."""
    return f"model_card.{language}.{suffix}"


HTML_CARDS: Final[dict[Language, str]] = {language: card_file(language, "html") for language in LANGUAGES}
"""The files that the service serves."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label in both languages.

    Attributes:
        fr: in French.
        en: in English.
    """

    fr: str
    en: str

    def to(self, language: Language) -> str:
        """The label in one language."""
        return self.fr if language == "fr" else self.en


FIGURES: Final[dict[str, Label]] = {
    "roc_auc": Label("Aire sous la courbe ROC", "Area under the ROC curve"),
    "average_precision": Label("Précision moyenne", "Average precision"),
    "brier": Label("Score de Brier (0 est parfait)", "Brier score (0 is perfect)"),
    "calibration_error": Label("Erreur de calibration (0 est parfait)", "Calibration error (0 is perfect)"),
    "accuracy": Label("Exactitude", "Accuracy"),
    "balanced_accuracy": Label("Exactitude équilibrée", "Balanced accuracy"),
    "precision_macro": Label("Précision (macro)", "Precision (macro)"),
    "recall_macro": Label("Rappel (macro)", "Recall (macro)"),
    "f1_macro": Label("F1 (macro)", "F1 (macro)"),
}
"""Figures on a card, by their name in the manifest and in the order shown."""

PLOTS: Final[dict[str, Label]] = {
    "ROC": Label("Courbe ROC", "ROC curve"),
    "precision_and_recall": Label("Précision et rappel", "Precision and recall"),
    "calibration": Label(
        "Calibration : part estimée et part observée de cas graves",
        "Calibration: estimated and observed share of severe cases",
    ),
    "confusion": Label("Matrice de confusion au seuil de décision", "Confusion matrix at the decision threshold"),
    "importances": Label("Importance des variables", "Importance of the inputs"),
}
"""Captions of plots by the name they are logged under, in the order shown."""

SLICE_FIELDS: Final[dict[str, Label]] = {
    "departement": Label("Groupe de départements", "Group of départements"),
    "dep": Label("Groupe de départements", "Group of départements"),
}
"""Groupings of users that are no input of the model."""

FAMILIES: Final[dict[str, Label]] = {
    "forest": Label("forêt aléatoire", "random forest"),
    "boosting": Label("gradient boosting sur catégories", "gradient boosting on categories"),
}
