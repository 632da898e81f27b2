"""The optional scene fields: names, codes, ranges and labels of what a caller may know beside the 13 features.

They are derived from the official files in ``scene_derivation``. None of them is known only after the outcome, as
``grav`` is.

Source of codes and French labels: ONISR, "Description des bases de données annuelles des accidents corporels de la
circulation routière", edition of 4 October 2023; ``equipement`` groups its ``secu`` columns.
"""

from dataclasses import dataclass
from typing import Final, Literal

from road_assets.core.vocabulary import FEATURE_NAMES, UNKNOWN_CODE, Code, Feature


@dataclass(frozen=True, slots=True)
class SceneField:
    """One optional input of the model.

    Attributes:
        name: official column name where there is one, in lower case.
        kind: ``code`` for a choice, ``number`` for a quantity.
        fr: label in French.
        en: label in English.
        codes: every value of a choice, without "not recorded"; empty for a quantity.
        low: smallest value of a quantity.
        high: largest value of a quantity; larger values are typing errors.
        unit: of a quantity; empty where it is a count.
        example: a value to show.
        also_unknown: further values that mean "not recorded" in official files, beside -1.
    """

    name: str
    kind: Literal["code", "number"]
    fr: str
    en: str
    codes: tuple[Code, ...] = ()
    low: int = 0
    high: int = 0
    unit: str = ""
    example: int = 1
    also_unknown: tuple[int, ...] = ()

    @property
    def values(self) -> frozenset[int]:
        """Every allowed value as a number."""
        if self.kind == "code":
            return frozenset(code.value for code in self.codes)
        return frozenset(range(self.low, self.high + 1))

    def describe_codes(self, language: Literal["fr", "en"] = "en") -> str:
        """List codes or range for an error message or a document, as ``1 = Belt, 2 = Helmet`` or ``0 to 120 years``."""
        if self.kind == "code":
            return ", ".join(f"{code.value} = {getattr(code, language)}" for code in self.codes)
        to = "à" if language == "fr" else "to"
        return f"{self.low} {to} {self.high} {self.unit_in(language)}".rstrip()

    def unit_in(self, language: Literal["fr", "en"]) -> str:
        """The unit of a quantity in a language, as ``years`` or ``ans``; empty for a count or a choice."""
        return _UNITS_FR.get(self.unit, self.unit) if language == "fr" else self.unit


def describe_value(field: Feature | SceneField, value: int | None, language: Literal["fr", "en"] = "en") -> str:
    """Say a value in words, as ``Belt``, ``34 years`` or ``Unknown``.

    Args:
        field: one of the 13 features, or an optional field.
        value: one that it may have; None where it is unknown.
        language: of the words.
    """
    if value is None:
        return "Inconnu" if language == "fr" else "Unknown"
    if isinstance(field, SceneField) and field.kind == "number":
        return f"{value} {field.unit_in(language)}".rstrip()
    return next(str(getattr(code, language)) for code in field.codes if code.value == value)


_UNITS_FR: Final = {"years": "ans", "o'clock": "h"}


def _codes(text: str) -> tuple[Code, ...]:
    """Read lines of ``value | French | English``."""
    rows = (line.split("|") for line in text.strip().splitlines())
    return tuple(Code(int(value), fr.strip(), en.strip()) for value, fr, en in rows)


_VEHICLES: Final = _codes("""
1 | Bicyclette | Bicycle
2 | Cyclomoteur < 50 cm³ | Moped < 50 cm³
3 | Voiturette (quadricycle à moteur carrossé) | Microcar (quadricycle with a body)
7 | VL seul | Car
10 | VU de 1,5 t à 3,5 t, avec ou sans remorque | Van of 1.5 t to 3.5 t, with or without trailer
13 | PL seul de 3,5 t à 7,5 t | Lorry of 3.5 t to 7.5 t
14 | PL seul > 7,5 t | Lorry > 7.5 t
15 | PL > 3,5 t avec remorque | Lorry > 3.5 t with trailer
16 | Tracteur routier seul | Road tractor alone
17 | Tracteur routier et semi-remorque | Road tractor with semi-trailer
20 | Engin spécial | Special vehicle
21 | Tracteur agricole | Farm tractor
30 | Scooter < 50 cm³ | Scooter < 50 cm³
31 | Motocyclette > 50 cm³ et <= 125 cm³ | Motorcycle > 50 cm³ and <= 125 cm³
32 | Scooter > 50 cm³ et <= 125 cm³ | Scooter > 50 cm³ and <= 125 cm³
33 | Motocyclette > 125 cm³ | Motorcycle > 125 cm³
34 | Scooter > 125 cm³ | Scooter > 125 cm³
35 | Quad léger <= 50 cm³ | Light quad <= 50 cm³
36 | Quad lourd > 50 cm³ | Heavy quad > 50 cm³
37 | Autobus | Bus
38 | Autocar | Coach
39 | Train | Train
40 | Tramway | Tram
41 | 3RM <= 50 cm³ | Motor tricycle <= 50 cm³
42 | 3RM > 50 cm³ et <= 125 cm³ | Motor tricycle > 50 cm³ and <= 125 cm³
43 | 3RM > 125 cm³ | Motor tricycle > 125 cm³
50 | EDP à moteur | Motorised personal mobility device
60 | EDP sans moteur | Personal mobility device without motor
80 | VAE | Electrically assisted bicycle
99 | Autre véhicule | Other vehicle
""")
"""Without 0 (cannot be told), which is unknown here, and the codes that are no longer used since 2006."""

_BUILT_UP: Final = _codes("""
1 | Hors agglomération | Outside built-up areas
2 | En agglomération | In a built-up area
""")

_INTERSECTIONS: Final = _codes("""
1 | Hors intersection | Not at an intersection
2 | Intersection en X | Crossroads
3 | Intersection en T | T-junction
4 | Intersection en Y | Y-junction
5 | Intersection à plus de 4 branches | Intersection of more than 4 roads
6 | Giratoire | Roundabout
7 | Place | Square
8 | Passage à niveau | Level crossing
9 | Autre intersection | Other intersection
""")

_EQUIPMENT: Final = _codes("""
0 | Aucun équipement | None
1 | Ceinture | Seat belt
2 | Casque | Helmet
3 | Casque, avec gants ou airbag | Helmet, with gloves or airbag
4 | Dispositif enfants | Child restraint
5 | Gilet réfléchissant | Reflective vest
9 | Autre | Other
""")

_MANOEUVRES: Final = _codes("""
1 | Sans changement de direction | Straight on
2 | Même sens, même file | Same direction, same lane
3 | Entre 2 files | Between 2 lanes
4 | En marche arrière | Reversing
5 | À contresens | Against the traffic
6 | En franchissant le terre-plein central | Crossing the central reservation
7 | Dans le couloir bus, dans le même sens | In the bus lane, same direction
8 | Dans le couloir bus, dans le sens inverse | In the bus lane, opposite direction
9 | En s'insérant | Merging
10 | En faisant demi-tour sur la chaussée | Making a U-turn
11 | Changeant de file à gauche | Changing lane to the left
12 | Changeant de file à droite | Changing lane to the right
13 | Déporté à gauche | Drifted to the left
14 | Déporté à droite | Drifted to the right
15 | Tournant à gauche | Turning left
16 | Tournant à droite | Turning right
17 | Dépassant à gauche | Overtaking on the left
18 | Dépassant à droite | Overtaking on the right
19 | Traversant la chaussée | Crossing the carriageway
20 | Manœuvre de stationnement | Parking
21 | Manœuvre d'évitement | Avoiding something
22 | Ouverture de porte | Opening a door
23 | Arrêté (hors stationnement) | Stopped (not parked)
24 | En stationnement (avec occupants) | Parked (with occupants)
25 | Circulant sur trottoir | Riding on the pavement
26 | Autres manœuvres | Other manoeuvres
""")
"""Without 0 (unknown)."""

_FIXED_OBSTACLES: Final = _codes("""
0 | Sans objet | None
1 | Véhicule en stationnement | Parked vehicle
2 | Arbre | Tree
3 | Glissière métallique | Metal barrier
4 | Glissière béton | Concrete barrier
5 | Autre glissière | Other barrier
6 | Bâtiment, mur, pile de pont | Building, wall or bridge pier
7 | Support de signalisation verticale ou poste d'appel d'urgence | Sign post or emergency telephone
8 | Poteau | Pole
9 | Mobilier urbain | Street furniture
10 | Parapet | Parapet
11 | Îlot, refuge, borne haute | Traffic island, refuge or bollard
12 | Bordure de trottoir | Kerb
13 | Fossé, talus, paroi rocheuse | Ditch, bank or rock face
14 | Autre obstacle fixe sur chaussée | Other fixed obstacle on the carriageway
15 | Autre obstacle fixe sur trottoir ou accotement | Other fixed obstacle on pavement or verge
16 | Sortie de chaussée sans obstacle | Left the carriageway, no obstacle
17 | Buse, tête d'aqueduc | Culvert
""")

_MOBILE_OBSTACLES: Final = _codes("""
0 | Aucun | None
1 | Piéton | Pedestrian
2 | Véhicule | Vehicle
4 | Véhicule sur rail | Rail vehicle
5 | Animal domestique | Domestic animal
6 | Animal sauvage | Wild animal
9 | Autre | Other
""")

_IMPACTS: Final = _codes("""
0 | Aucun | None
1 | Avant | Front
2 | Avant droit | Front right
3 | Avant gauche | Front left
4 | Arrière | Rear
5 | Arrière droit | Rear right
6 | Arrière gauche | Rear left
7 | Côté droit | Right side
8 | Côté gauche | Left side
9 | Chocs multiples (tonneaux) | Multiple impacts (rolled over)
""")

SCENE_FIELDS: Final[tuple[SceneField, ...]] = (
    SceneField("age", "number", "Âge de l'usager", "Age of the user", low=0, high=120, unit="years", example=34),
    SceneField("catv", "code", "Catégorie du véhicule", "Vehicle category", _VEHICLES, example=33, also_unknown=(0,)),
    SceneField("agg", "code", "Agglomération", "Built-up area", _BUILT_UP, example=1),
    SceneField("int", "code", "Intersection", "Intersection", _INTERSECTIONS, also_unknown=(0,)),
    SceneField(
        "vma",
        "number",
        "Vitesse maximale autorisée",
        "Speed limit",
        low=5,
        high=130,
        unit="km/h",
        example=80,
        also_unknown=(0,),
    ),
    SceneField("heure", "number", "Heure de l'accident", "Hour of the accident", high=23, unit="o'clock", example=22),
    SceneField("equipement", "code", "Équipement de sécurité utilisé", "Safety equipment used", _EQUIPMENT, example=2),
    SceneField(
        "manv",
        "code",
        "Manœuvre principale avant l'accident",
        "Manoeuvre before the accident",
        _MANOEUVRES,
        also_unknown=(0,),
    ),
    SceneField("obs", "code", "Obstacle fixe heurté", "Fixed obstacle hit", _FIXED_OBSTACLES, example=2),
    SceneField("obsm", "code", "Obstacle mobile heurté", "Mobile obstacle hit", _MOBILE_OBSTACLES, example=0),
    SceneField("choc", "code", "Point de choc initial", "First point of impact", _IMPACTS),
    SceneField(
        "nbv",
        "number",
        "Nombre total de voies de circulation",
        "Number of lanes",
        low=1,
        high=20,
        example=2,
        also_unknown=(0,),
    ),
    SceneField("nb_vehicules", "number", "Nombre de véhicules", "Number of vehicles", low=1, high=200),
    SceneField("nb_usagers", "number", "Nombre d'usagers", "Number of users", low=1, high=500),
)
"""In the order of the model's input, after the 13 features. For a pedestrian, the vehicle is the one that hit them."""

SCENE_FIELD_NAMES: Final[tuple[str, ...]] = tuple(field.name for field in SCENE_FIELDS)
MODEL_FIELDS: Final[tuple[str, ...]] = FEATURE_NAMES + SCENE_FIELD_NAMES
"""Columns of the model's input: the 13 features, then the optional fields."""

FULL_EXAMPLE_FIELDS: Final = {field.name: field.example for field in SCENE_FIELDS}
"""Optional fields of an example, beside ``SCENE_EXAMPLE``: a motorcyclist alone against a tree at night."""

DEPARTMENT: Final = "dep"
"""Column with the code of the département, as text; empty for generated rows. For slices, never an input."""

FILLED: Final = "filled"
"""Column of ``features``: bit i is set where the i-th of the 13 features was unknown before imputation."""

UNKNOWN_FIELDS: Final = dict.fromkeys(SCENE_FIELD_NAMES, UNKNOWN_CODE)
"""Values of a row without any optional field."""
