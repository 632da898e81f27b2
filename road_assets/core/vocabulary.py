"""The vocabulary of the accident files: the 13 features, their codes and labels, and the target.

It is the single source for everything about a feature: validation, contracts, the model's input, the service's schema,
its page and the dashboards derive from it.

Source of codes and French labels: ONISR, "Description des bases de données annuelles des accidents corporels de la
circulation routière", edition of 4 October 2023.
"""

from dataclasses import dataclass
from typing import Final, Literal

Table = Literal["caracteristiques", "lieux", "vehicules", "usagers"]
"""One of the four official files of a release."""

TABLES: Final[tuple[Table, ...]] = ("caracteristiques", "lieux", "vehicules", "usagers")

UNKNOWN_CODE: Final = -1
"""Code for "not recorded" ("Non renseigné") in the files. Canonical frames have a null there."""


@dataclass(frozen=True, slots=True)
class Code:
    """One value a feature can take.

    Attributes:
        value: the number in the files.
        fr: the codebook's words.
        en: the same in English.
    """

    value: int
    fr: str
    en: str


NOT_RECORDED: Final = Code(UNKNOWN_CODE, "Non renseigné", "Not recorded")


@dataclass(frozen=True, slots=True)
class Feature:
    """One of the 13 inputs of the model.

    Attributes:
        name: official column name, in lower case.
        table: the official file that holds it.
        fr: label in French.
        en: label in English.
        codes: every value that the codebook allows, without "not recorded".
    """

    name: str
    table: Table
    fr: str
    en: str
    codes: tuple[Code, ...]

    @property
    def values(self) -> frozenset[int]:
        """The allowed codes as numbers."""
        return frozenset(code.value for code in self.codes)

    def describe_codes(self, language: Literal["fr", "en"] = "en") -> str:
        """List the codes for an error message or a document, as ``1 = Driver, 2 = Passenger``."""
        return ", ".join(f"{code.value} = {getattr(code, language)}" for code in self.codes)


def _codes(*rows: tuple[int, str, str]) -> tuple[Code, ...]:
    return tuple(Code(*row) for row in rows)


FEATURES: Final[tuple[Feature, ...]] = (
    Feature(
        "catu",
        "usagers",
        "Catégorie d'usager",
        "Road user category",
        _codes((1, "Conducteur", "Driver"), (2, "Passager", "Passenger"), (3, "Piéton", "Pedestrian")),
    ),
    Feature(
        "sexe",
        "usagers",
        "Sexe de l'usager",
        "Sex of the user",
        _codes((1, "Masculin", "Male"), (2, "Féminin", "Female")),
    ),
    Feature(
        "trajet",
        "usagers",
        "Motif du déplacement",
        "Purpose of the trip",
        _codes(
            (0, "Non renseigné", "Not given"),
            (1, "Domicile – travail", "Home – work"),
            (2, "Domicile – école", "Home – school"),
            (3, "Courses – achats", "Shopping"),
            (4, "Utilisation professionnelle", "Professional use"),
            (5, "Promenade – loisirs", "Leisure"),
            (9, "Autre", "Other"),
        ),
    ),
    Feature(
        "catr",
        "lieux",
        "Catégorie de route",
        "Road category",
        _codes(
            (1, "Autoroute", "Motorway"),
            (2, "Route nationale", "National road"),
            (3, "Route départementale", "Departmental road"),
            (4, "Voie communale", "Municipal road"),
            (5, "Hors réseau public", "Off the public network"),
            (6, "Parc de stationnement ouvert à la circulation publique", "Car park open to public traffic"),
            (7, "Route de métropole urbaine", "Metropolitan road"),
            (9, "Autre", "Other"),
        ),
    ),
    Feature(
        "lum",
        "caracteristiques",
        "Lumière",
        "Light",
        _codes(
            (1, "Plein jour", "Daylight"),
            (2, "Crépuscule ou aube", "Dusk or dawn"),
            (3, "Nuit sans éclairage public", "Night without street lighting"),
            (4, "Nuit avec éclairage public non allumé", "Night with street lighting off"),
            (5, "Nuit avec éclairage public allumé", "Night with street lighting on"),
        ),
    ),
    Feature(
        "atm",
        "caracteristiques",
        "Conditions atmosphériques",
        "Weather",
        _codes(
            (1, "Normale", "Normal"),
            (2, "Pluie légère", "Light rain"),
            (3, "Pluie forte", "Heavy rain"),
            (4, "Neige – grêle", "Snow or hail"),
            (5, "Brouillard – fumée", "Fog or smoke"),
            (6, "Vent fort – tempête", "Strong wind or storm"),
            (7, "Temps éblouissant", "Dazzling sun"),
            (8, "Temps couvert", "Overcast"),
            (9, "Autre", "Other"),
        ),
    ),
    Feature(
        "surf",
        "lieux",
        "État de la surface",
        "Road surface",
        _codes(
            (1, "Normale", "Normal"),
            (2, "Mouillée", "Wet"),
            (3, "Flaques", "Puddles"),
            (4, "Inondée", "Flooded"),
            (5, "Enneigée", "Snowy"),
            (6, "Boue", "Mud"),
            (7, "Verglacée", "Icy"),
            (8, "Corps gras – huile", "Grease or oil"),
            (9, "Autre", "Other"),
        ),
    ),
    Feature(
        "col",
        "caracteristiques",
        "Type de collision",
        "Type of collision",
        _codes(
            (1, "Deux véhicules – frontale", "Two vehicles – head-on"),
            (2, "Deux véhicules – par l'arrière", "Two vehicles – rear-end"),
            (3, "Deux véhicules – par le côté", "Two vehicles – side"),
            (4, "Trois véhicules et plus – en chaîne", "Three or more vehicles – chain"),
            (5, "Trois véhicules et plus – collisions multiples", "Three or more vehicles – multiple collisions"),
            (6, "Autre collision", "Other collision"),
            (7, "Sans collision", "No collision"),
        ),
    ),
    Feature(
        "circ",
        "lieux",
        "Régime de circulation",
        "Traffic regime",
        _codes(
            (1, "À sens unique", "One-way"),
            (2, "Bidirectionnelle", "Two-way"),
            (3, "À chaussées séparées", "Divided carriageways"),
            (4, "Avec voies d'affectation variable", "With reversible lanes"),
        ),
    ),
    Feature(
        "plan",
        "lieux",
        "Tracé en plan",
        "Horizontal alignment",
        _codes(
            (1, "Partie rectiligne", "Straight"),
            (2, "En courbe à gauche", "Left-hand bend"),
            (3, "En courbe à droite", "Right-hand bend"),
            (4, "En « S »", "S-bend"),
        ),
    ),
    Feature(
        "vosp",
        "lieux",
        "Voie réservée",
        "Reserved lane",
        _codes(
            (0, "Sans objet", "Not applicable"),
            (1, "Piste cyclable", "Cycle track"),
            (2, "Bande cyclable", "Cycle lane"),
            (3, "Voie réservée", "Reserved lane"),
        ),
    ),
    Feature(
        "prof",
        "lieux",
        "Profil en long",
        "Gradient",
        _codes(
            (1, "Plat", "Flat"),
            (2, "Pente", "Slope"),
            (3, "Sommet de côte", "Hilltop"),
            (4, "Bas de côte", "Foot of a hill"),
        ),
    ),
    Feature(
        "situ",
        "lieux",
        "Situation de l'accident",
        "Position of the accident",
        _codes(
            (0, "Aucun", "None"),
            (1, "Sur chaussée", "On the carriageway"),
            (2, "Sur bande d'arrêt d'urgence", "On the hard shoulder"),
            (3, "Sur accotement", "On the verge"),
            (4, "Sur trottoir", "On the pavement"),
            (5, "Sur piste cyclable", "On a cycle track"),
            (6, "Sur autre voie spéciale", "On another special lane"),
            (8, "Autres", "Other"),
        ),
    ),
)
"""The 13 features in the order of the model's input; ``trajet`` 0 is a code of its own, as in the codebook."""

FEATURE_NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
FEATURE_BY_NAME: Final[dict[str, Feature]] = {feature.name: feature for feature in FEATURES}

SCENE_EXAMPLE: Final = dict(zip(FEATURE_NAMES, (1, 1, 1, 3, 5, 2, 2, 6, 2, 1, 0, 1, 1), strict=True))
"""An example question: a driver on a wet departmental road at night, in a collision of the "other" kind."""

GRAVITY: Final = Feature(
    "grav",
    "usagers",
    "Gravité de blessure de l'usager",
    "Injury severity of the user",
    _codes(
        (1, "Indemne", "Unhurt"),
        (2, "Tué", "Killed"),
        (3, "Blessé hospitalisé", "Hospitalised"),
        (4, "Blessé léger", "Slightly hurt"),
    ),
)
"""The column that the target is derived from. It is known only after the accident, so it is never an input."""

SEVERE_GRAVITIES: Final = frozenset({2, 3})
"""Codes of ``grav`` that count as severely hurt: killed or hospitalised."""

TARGET: Final = "severe"
"""Name of the target column: 1 for a severely hurt user, else 0."""

OUTCOMES: Final[dict[int, Code]] = {
    0: Code(0, "non grave", "not severe"),
    1: Code(1, "grave", "severe"),
}
"""The two answers of the model, with their labels."""

MODEL_NAME: Final = "accident-severity-predictor"
"""Name of the registered model."""

PRODUCTION_ALIAS: Final = "production"
"""Alias in the model registry that points at the version in production."""

DATA_OFFICIAL: Final = "official data (ONISR, Licence Ouverte / Etalab 2.0)"
DATA_DEMONSTRATION: Final = "demonstration data, generated"
"""Shown with every result that is based on generated accidents."""

DATA_IN_FRENCH: Final = {
    DATA_OFFICIAL: "données officielles (ONISR, Licence Ouverte / Etalab 2.0)",
    DATA_DEMONSTRATION: "données de démonstration, générées",
}
"""The same in French."""
