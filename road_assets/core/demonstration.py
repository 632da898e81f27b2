"""Generates a release in the official dialect of 2024, for machines without network, tests and benchmarks.

Results based on it are labelled ``vocabulary.DATA_DEMONSTRATION``. Files are formatted here; the accidents are drawn in
``demonstration_draws``.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from road_assets.core.demonstration_draws import Accidents, People, draw_accidents, draw_days, draw_people
from road_assets.core.demonstration_scene import Codes, draw_limits
from road_assets.core.vocabulary import TABLES, UNKNOWN_CODE, Table

FILE_STEMS: Final[dict[Table, str]] = dict(zip(TABLES, ("caract", "lieux", "vehicules", "usagers"), strict=True))

_NO_BREAK_SPACE: Final = "\u00a0"
_WITH_GLOVES: Final = 0.55
_NOT_RECORDED: Final = f" {UNKNOWN_CODE}"
_DEPARTMENTS: Final = (
    # code, latitude and longitude in degrees, share
    ("75", 48.86, 2.34, 14),
    ("13", 43.35, 5.4, 9),
    ("69", 45.76, 4.84, 8),
    ("59", 50.6, 3.1, 7),
    ("33", 44.84, -0.58, 7),
    ("06", 43.71, 7.26, 6),
    ("35", 48.1, -1.68, 5),
    ("2A", 41.92, 8.74, 2),
    ("974", -21.1, 55.5, 3),
    ("988", -22.27, 166.45, 1),
)
_WITH_MARKER: Final = 0.55
_BEFORE_MARKER: Final = 0.002
"""Share of places at a negative distance from the road marker."""

_FEW: Final = 0.001
_STREETS: Final = (
    "RUE DE LA GARE",
    "Avenue du Général de Gaulle",
    "PASTEUR (BOULEVARD)",
    'Lieu-dit ""Le Moulin""',
    "12; ROUTE DE L'ÉTANG",
    "D438",
    "N/A",
)
"""With doubled quotes and a semicolon, as the official addresses have."""


def generate_release(
    year: int, *, accidents: int, seed: int, first_day: date | None = None, last_day: date | None = None
) -> dict[str, bytes]:
    """Generate the four files of a release.

    Args:
        year: of the accidents.
        accidents: how many; about 2.3 users each.
        seed: the same arguments give the same bytes.
        first_day: of the year, by default 1 January.
        last_day: of the year, by default 31 December. Each day gets an accident if there are enough.

    Returns:
        File name to content. About a fifth of the users is severely hurt.

    Raises:
        ValueError: there is no accident to generate, or the days are not in order and of that year.
    """
    first, last = first_day or date(year, 1, 1), last_day or date(year, 12, 31)
    if accidents < 1:
        raise ValueError(f"{accidents} accidents cannot be generated; ask for at least 1")
    if not date(year, 1, 1) <= first <= last <= date(year, 12, 31):
        raise ValueError(f"the days {first} to {last} are not in order and all of {year}")
    rng = np.random.default_rng((year, seed))
    scenes = draw_accidents(rng, draw_days(rng, accidents, first, last))
    vehicles = int(scenes.vehicles.sum())
    catv = rng.choice([7, 33, 10, 1, 2, 50, 30, 15], size=vehicles, p=[0.6, 0.1, 0.08, 0.07, 0.04, 0.04, 0.05, 0.02])
    people = draw_people(rng, scenes, np.isin(catv, (33, 1, 2, 50, 30)))
    names = pa.array([f"{year}{number:08d}" for number in range(1, accidents + 1)])
    tables = {
        "caracteristiques": _caracteristiques(rng, names, scenes),
        "lieux": _lieux(rng, names, scenes),
        "vehicules": _vehicules(rng, names, scenes, catv, year),
        "usagers": _usagers(rng, names, scenes, people, year),
    }
    return {f"{FILE_STEMS[table]}-{year}.csv": _write(tables[table]) for table in TABLES}


def _caracteristiques(rng: np.random.Generator, names: pa.Array, scenes: Accidents) -> dict[str, pa.Array]:
    count = len(names)
    shares = np.array([share for *_, share in _DEPARTMENTS])
    place = rng.choice(len(_DEPARTMENTS), size=count, p=shares / shares.sum())
    codes, latitudes, longitudes, _ = (np.array(column) for column in zip(*_DEPARTMENTS, strict=True))
    months = scenes.days.astype("datetime64[M]")
    communes = rng.integers(1, 100, count)
    digits = np.char.zfill(communes.astype(str), 3)
    overseas = np.char.startswith(codes[place], "9") & (latitudes[place] < 0)
    hours, minutes = np.divmod(scenes.minutes, 60)
    return {
        "Num_Acc": names,
        "jour": _whole((scenes.days - months).astype(np.int64) + 1),
        "mois": pc.utf8_lpad(_whole(months.astype(np.int64) % 12 + 1), 2, "0"),
        "an": _whole(months.astype("datetime64[Y]").astype(np.int64) + 1970),
        "hrmn": _joined(pc.utf8_lpad(_whole(hours), 2, "0"), pc.utf8_lpad(_whole(minutes), 2, "0"), ":"),
        "lum": _whole(scenes.codes["lum"]),
        "dep": pa.array(codes[place]),
        "com": _joined(
            pa.array(codes[place]), pa.array(np.where(overseas, np.char.zfill(communes.astype(str), 2), digits))
        ),
        "agg": _whole(1 + scenes.urban),
        "int": _whole(rng.choice([1, 2, 3, 4, 6, 9], size=count, p=[0.64, 0.12, 0.12, 0.03, 0.05, 0.04])),
        "atm": _whole(scenes.codes["atm"]),
        "col": _whole(scenes.codes["col"]),
        "adr": _picked(rng, _STREETS, count),
        "lat": _decimal(latitudes[place] + rng.normal(0, 0.05, count), 8),
        "long": _decimal(longitudes[place] + rng.normal(0, 0.05, count), 8),
    }


def _lieux(rng: np.random.Generator, names: pa.Array, scenes: Accidents) -> dict[str, pa.Array]:
    rows = rng.choice([1, 2, 3, 4, 5], size=len(names), p=[0.715, 0.27, 0.01, 0.004, 0.001])
    of = np.repeat(np.arange(len(names)), rows)
    first = np.diff(of, prepend=-1) > 0
    numbered = rng.random(len(of)) < _WITH_MARKER
    catr = np.where(first, scenes.codes["catr"][of], rng.choice([3, 4], size=len(of)))
    limits = np.where(first, scenes.limits[of], draw_limits(rng, scenes.urban[of]))
    metres = np.where(numbered, rng.integers(0, 1100, len(of)), UNKNOWN_CODE)
    back = rng.random(len(of)) < _BEFORE_MARKER
    columns = {name: _whole(scenes.codes[name][of]) for name in ("circ", "vosp", "prof", "plan", "surf", "situ")}
    return {
        "Num_Acc": names.take(pa.array(of)),
        "catr": _whole(catr),
        "voie": _picked(rng, _STREETS, len(of)),
        "v1": _picked(rng, ("0", "0", "0", _NOT_RECORDED, "2"), len(of)),
        "v2": _picked(rng, ("N/A", "N/A", "N/A", "N/A", "D", "null", " -"), len(of)),
        "circ": columns["circ"],
        "nbv": _whole(rng.choice([2, 1, 4, 3, UNKNOWN_CODE], size=len(of), p=[0.64, 0.12, 0.1, 0.09, 0.05])),
        "vosp": columns["vosp"],
        "prof": columns["prof"],
        "pr": _thousands(np.where(numbered, rng.integers(0, 120, len(of)), UNKNOWN_CODE)),
        "pr1": _thousands(np.where(numbered & back, -metres - 2, metres)),
        "plan": columns["plan"],
        "lartpc": _picked(rng, ("", "", "", "", "3,5"), len(of)),
        "larrout": _picked(rng, (_NOT_RECORDED, _NOT_RECORDED, "7", "5,5"), len(of)),
        "surf": columns["surf"],
        "infra": _whole(rng.choice([0, 5, 9, 2], size=len(of), p=[0.85, 0.07, 0.05, 0.03])),
        "situ": columns["situ"],
        "vma": _whole(limits),
    }


def _vehicules(
    rng: np.random.Generator, names: pa.Array, scenes: Accidents, catv: Codes, year: int
) -> dict[str, pa.Array]:
    of = np.repeat(np.arange(len(names)), scenes.vehicles)
    senc, obsm = (rng.integers(low, high, len(of)) for low, high in ((0, 4), (0, 3)))
    return {
        "Num_Acc": names.take(pa.array(of)),
        "id_vehicule": _ids(np.arange(len(of)), year, 100_000_000),
        "num_veh": _vehicle_numbers(scenes),
        "senc": _whole(np.where(rng.random(len(of)) < _FEW, UNKNOWN_CODE, senc)),
        "catv": _whole(catv),
        "obs": _whole(rng.choice([0, 1, 2, 13], size=len(of), p=[0.85, 0.05, 0.05, 0.05])),
        "obsm": _whole(np.where(scenes.pedestrian[of], 1, obsm)),
        "choc": _whole(rng.integers(0, 10, len(of))),
        "manv": _whole(rng.choice([1, 2, 15, 17, 13, 0], size=len(of), p=[0.5, 0.15, 0.12, 0.06, 0.06, 0.11])),
        "motor": _whole(rng.choice([1, 3, 2, 5, 0], size=len(of), p=[0.8, 0.06, 0.04, 0.06, 0.04])),
        "occutc": _picked(rng, ("",), len(of)),
    }


def _usagers(
    rng: np.random.Generator, names: pa.Array, scenes: Accidents, people: People, year: int
) -> dict[str, pa.Array]:
    codes, count = people.codes, len(people.vehicle)
    fled, on_foot = codes["sexe"] == UNKNOWN_CODE, np.isin(codes["catu"], 3)
    return {
        "Num_Acc": names.take(pa.array(people.accident)),
        "id_usager": _ids(np.arange(count), year, 500_000_000),
        "id_vehicule": _ids(people.vehicle, year, 100_000_000),
        "num_veh": _vehicle_numbers(scenes).take(pa.array(people.vehicle)),
        **{name: _whole(codes[name]) for name in ("place", "catu", "grav", "sexe")},
        "an_nais": pc.if_else(pa.array(fled), "", _whole(year - people.ages)),
        "trajet": _whole(codes["trajet"]),
        "secu1": _whole(codes["secu1"]),
        "secu2": _whole(np.where(np.isin(codes["secu1"], 2) & (rng.random(count) < _WITH_GLOVES), 6, UNKNOWN_CODE)),
        "secu3": _whole(np.full(count, UNKNOWN_CODE)),
        "locp": _whole(np.where(on_foot, rng.integers(1, 7, count), UNKNOWN_CODE)),
        "actp": pc.if_else(pa.array(on_foot), _picked(rng, ("3", "3", "3", "1", "5", "A", "B"), count), _NOT_RECORDED),
        "etatp": _whole(np.where(on_foot, 1, UNKNOWN_CODE)),
    }


def _vehicle_numbers(scenes: Accidents) -> pa.Array:
    start = np.repeat(scenes.vehicles.cumsum() - scenes.vehicles, scenes.vehicles)
    letters = np.array(["A01", "B01", "C01", "D01"])
    return pa.array(letters[np.arange(len(start)) - start])


def _whole(numbers: npt.NDArray[np.integer]) -> pa.Array:
    """Numbers as text; the files write the code for "not recorded" with a leading space."""
    texts = pc.cast(pa.array(np.asarray(numbers, dtype=np.int64)), pa.string())
    return pc.if_else(pc.equal(texts, str(UNKNOWN_CODE)), _NOT_RECORDED, texts)


def _decimal(numbers: npt.NDArray[np.float64], places: int) -> pa.Array:
    return pa.array(
        [f"{' ' if number < 0 else ''}{number:.{places}f}".replace(".", ",") for number in numbers.tolist()]
    )


def _thousands(numbers: npt.NDArray[np.int64]) -> pa.Array:
    texts = pc.replace_substring_regex(_whole(numbers), r"^(\d+)(\d{3})$", rf"\1{_NO_BREAK_SPACE}\2")
    return pc.if_else(pc.starts_with(texts, "-"), _joined(pa.scalar(" "), texts), texts)


def _ids(rows: Codes, year: int, base: int) -> pa.Array:
    """Nine digits in groups of three, unique over years with up to four million rows each."""
    texts = _whole(base + (year - 2000) % 90 * 4_000_000 + rows)
    return pc.replace_substring_regex(texts, r"^(\d{3})(\d{3})(\d{3})$", rf"\1{_NO_BREAK_SPACE}\2{_NO_BREAK_SPACE}\3")


def _picked(rng: np.random.Generator, choices: tuple[str, ...], count: int) -> pa.Array:
    return pa.array(choices).take(pa.array(rng.integers(0, len(choices), count)))


def _joined(left: pa.Array, right: pa.Array, separator: str = "") -> pa.Array:
    return pc.binary_join_element_wise(left, right, separator)


def _write(columns: Mapping[str, pa.Array]) -> bytes:
    """Write a table with every field quoted, as in the files since 2019."""
    lines = pc.binary_join_element_wise(*columns.values(), '";"')
    return "".join(f'"{line}"\n' for line in ['";"'.join(columns), *lines.to_pylist()]).encode()
