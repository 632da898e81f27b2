"""The canonical columns, to which every release is converted, whatever its year and dialect.

Names are the codebook's, in lower case. Cells are parsed in ``cells``; the codes of the features are in ``vocabulary``.

Source: ONISR's codebooks of 2005 to 2018 and of 4 October 2023, and the files themselves where the books are silent.
"""

from dataclasses import dataclass
from typing import Final, Literal

from road_assets.core.vocabulary import FEATURES, GRAVITY, TABLES, Table

Kind = Literal["accident", "id", "code", "number", "metres", "degrees", "hour", "department", "commune", "text"]
"""Format of a column's cells; ``cells.READERS`` has a reader for each."""

FIRST_YEAR_OF_NEW_DIALECT: Final = 2019
"""Since then: `` -1`` for "not recorded", decimal commas in degrees, metres, vehicle ids and (from 2021) user ids."""

ACCIDENT: Final = "num_acc"
VEHICLE: Final = "id_vehicule"
VEHICLE_NUMBER: Final = "num_veh"
USER: Final = "id_usager"
DAY: Final = "day"
"""Day of the accident, made from ``jour``, ``mois`` and ``an``; the only canonical column that no file holds."""

ALIASES: Final = {"accident_id": ACCIDENT}
"""Official names that were used for one release only: ``Accident_Id`` in the characteristics of 2022."""

_ALWAYS_THERE: Final = {feature.name for feature in FEATURES} | {GRAVITY.name, ACCIDENT, "jour", "mois", "an"}


@dataclass(frozen=True, slots=True)
class Column:
    """One canonical column of one table.

    Attributes:
        name: the codebook's name, in lower case.
        kind: how its cells are read.
        zero_was_unknown: before 2019 a zero stood for "not recorded", because no code 0 existed.
    """

    name: str
    kind: Kind
    zero_was_unknown: bool = False

    @property
    def required(self) -> bool:
        """Whether every release of every year holds it, so that a file without it is damaged."""
        return self.name in _ALWAYS_THERE


_CODES_WITHOUT_ZERO: Final = {"agg", "int", "nbv", "vma", "etatp", "an_nais", "secu"} | {
    feature.name for feature in (*FEATURES, GRAVITY) if 0 not in feature.values
}
"""``trajet``, ``vosp`` and ``situ`` are not here: the vocabulary gives their 0 a meaning of its own."""

_LAYOUT: Final[dict[Table, tuple[tuple[Kind, str], ...]]] = {
    "caracteristiques": (
        ("accident", ACCIDENT),
        ("code", "jour mois an"),
        ("hour", "hrmn"),
        ("code", "lum"),
        ("department", "dep"),
        ("commune", "com"),
        ("code", "agg int atm col"),
        ("text", "adr gps"),
        ("degrees", "lat long"),
    ),
    "lieux": (
        ("accident", ACCIDENT),
        ("code", "catr"),
        ("text", "voie v1 v2"),
        ("code", "circ nbv vosp prof"),
        ("number", "pr pr1"),
        ("code", "plan"),
        ("metres", "lartpc larrout"),
        ("code", "surf infra situ env1 vma"),
    ),
    "vehicules": (
        ("accident", ACCIDENT),
        ("id", VEHICLE),
        ("text", VEHICLE_NUMBER),
        ("code", "senc catv obs obsm choc manv motor occutc"),
    ),
    "usagers": (
        ("accident", ACCIDENT),
        ("id", f"{USER} {VEHICLE}"),
        ("text", VEHICLE_NUMBER),
        ("code", "place catu grav sexe an_nais trajet secu secu1 secu2 secu3 locp"),
        ("text", "actp"),
        ("code", "etatp"),
    ),
}

TABLE_COLUMNS: Final[dict[Table, tuple[Column, ...]]] = {
    table: tuple(
        Column(name, kind, zero_was_unknown=name in _CODES_WITHOUT_ZERO or name in {"v1", "voie"})
        for kind, names in _LAYOUT[table]
        for name in names.split()
    )
    for table in TABLES
}
"""Every column of any year, in the order of the newest release."""
