"""Draws generated accidents: times, places, users and injuries, as arrays of codes.

The shares are rounded from the official files, so that the demonstration looks familiar. The dependence of the injury
on the scene is invented, and strong enough for a model to learn it. Nothing here describes real accidents.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from road_assets.core.demonstration_scene import Codes, draw_ages, draw_equipment, draw_limits, scene_log_odds
from road_assets.core.vocabulary import FEATURE_BY_NAME, UNKNOWN_CODE

Weights = Mapping[int, float]

REST_SHARE: Final = 0.0008
"""Share of a code that is in none of the tables below, so that every code of the vocabulary occurs."""

_WEEKDAYS: Final = (1.0, 1.02, 1.03, 1.05, 1.18, 0.98, 0.82)
_MONTHS: Final = (0.88, 0.82, 0.92, 0.95, 1.02, 1.12, 1.08, 0.9, 1.12, 1.15, 1.03, 1.0)
_HOURS: Final = (10, 7, 5, 4, 4, 8, 17, 38, 55, 44, 42, 48, 56, 55, 56, 62, 76, 92, 88, 64, 42, 30, 24, 16)
_WINTER: Final = (11, 12, 1, 2)
_DAWN: Final = 7
_URBAN: Final = 0.63
_PEDESTRIAN_IF_URBAN: Final = 0.22
_SECOND_PEDESTRIAN: Final = 0.08
_PILLION: Final = 0.06
_PASSENGERS: Final = 0.3
_PARKED: Final = 0.0003
_FLED: Final = 0.026
_KILLED_OF_SEVERE: Final = 0.15
_UNHURT_OF_OTHERS: Final = 0.52
_SEATS: Final = 9
_ON_FOOT: Final = 10
"""Code of ``place`` for a pedestrian."""

_INTERCEPT: Final = -3.15
_EXPOSED: Final = 1.0
"""Added log odds on two wheels."""

_SPREAD: Final = 0.4
"""Standard deviation of the unobserved effect of an accident, in log-odds."""

EFFECTS: Final[dict[str, Weights]] = {
    "catu": {1: 0.0, 2: -0.25, 3: 1.5},
    "sexe": {2: -0.31},
    "trajet": {1: -0.19, 2: -0.38, 4: -0.56, 5: 0.44, 9: 0.12},
    "catr": {1: -0.75, 3: 0.94, 4: -0.44, 7: -0.38},
    "lum": {2: 0.19, 3: 0.81, 5: 0.12},
    "atm": {2: -0.19, 5: 0.44, 7: 0.25},
    "surf": {2: -0.06, 7: 0.25},
    "col": {1: 1.06, 2: -0.94, 3: -0.25, 4: -1, 5: -0.12, 6: 0.38, 7: 0.69},
    "circ": {1: -0.31, 2: 0.19},
    "plan": {2: 0.62, 3: 0.5, 4: 0.56},
    "vosp": {1: 0.12, 2: 0.06},
    "prof": {2: 0.25, 3: 0.25},
    "situ": {3: 1, 4: 0.19},
}
"""Added log odds of a severe injury, by feature and code."""


@dataclass(frozen=True, slots=True)
class Accidents:
    """Columns of accidents and their places, each of shape (accidents,); ``limits`` in km/h."""

    days: npt.NDArray[np.datetime64]
    minutes: Codes
    urban: npt.NDArray[np.bool_]
    pedestrian: npt.NDArray[np.bool_]
    vehicles: Codes
    limits: Codes
    codes: dict[str, Codes]


@dataclass(frozen=True, slots=True)
class People:
    """Columns of users, each of shape (users,); ``vehicle`` and ``accident`` are row numbers, ``ages`` in years."""

    accident: Codes
    vehicle: Codes
    ages: Codes
    codes: dict[str, Codes]


def draw_codes(rng: np.random.Generator, name: str, groups: Codes, weights: Sequence[Weights]) -> Codes:
    """Draw the codes of a feature.

    Args:
        rng: source of chance.
        name: of the feature; its codes come from the vocabulary.
        groups: shape (rows,), which of the weights applies to each row.
        weights: for each group, weight by code; the vocabulary's other codes get ``REST_SHARE``.

    Returns:
        Shape (rows,).

    Raises:
        ValueError: a weight is for a code that the vocabulary does not know.
    """
    values = sorted(FEATURE_BY_NAME[name].values)
    strange = {code for group in weights for code in group} - {*values, UNKNOWN_CODE}
    if strange:
        raise ValueError(f"{name} has no codes {sorted(strange)}; the vocabulary knows {values}")
    values = [UNKNOWN_CODE, *values]
    table = np.array(
        [[group.get(code, 0 if code < 0 else REST_SHARE * sum(group.values())) for code in values] for group in weights]
    )
    cumulative = (table / table.sum(axis=1, keepdims=True)).cumsum(axis=1)
    chosen = (rng.random(len(groups))[:, None] >= cumulative[groups][:, :-1]).sum(axis=1)
    return np.asarray(np.array(values)[chosen], dtype=np.int64)


def draw_days(rng: np.random.Generator, count: int, first: date, last: date) -> npt.NDArray[np.datetime64]:
    """Draw days by the shares of weekdays and months; each day occurs if there are enough accidents."""
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    weekdays = (days.astype(np.int64) + 3) % 7  # 1 January 1970 was a Thursday
    months = days.astype("datetime64[M]").astype(np.int64) % 12
    weights = np.array(_WEEKDAYS)[weekdays] * np.array(_MONTHS)[months]
    drawn = rng.choice(days, size=count, p=weights / weights.sum())
    if count >= len(days):
        drawn[: len(days)] = days
    return np.asarray(rng.permutation(drawn))


def draw_accidents(rng: np.random.Generator, days: npt.NDArray[np.datetime64]) -> Accidents:
    """Draw the scene of each accident."""
    count = len(days)
    hours = rng.choice(24, size=count, p=np.array(_HOURS) / sum(_HOURS))
    winter = np.isin(days.astype("datetime64[M]").astype(np.int64) % 12 + 1, _WINTER)
    urban = rng.random(count) < _URBAN
    pedestrian = urban & (rng.random(count) < _PEDESTRIAN_IF_URBAN)
    vehicles = np.where(pedestrian, 1, rng.choice([1, 2, 3, 4], size=count, p=[0.27, 0.61, 0.09, 0.03]))
    dusk = np.where(winter, 17, 20)
    light = np.select([(hours > _DAWN) & (hours < dusk), np.isin(hours, _DAWN) | (hours == dusk)], [0, 1], 2)
    codes = {
        "lum": draw_codes(
            rng,
            "lum",
            2 * light + urban,
            [{1: 1}, {1: 1}, {1: 5, 2: 4, 3: 1}, {1: 5, 2: 3, 5: 2}, {3: 8, 5: 2}, {5: 9, 4: 1}],
        ),
        "atm": draw_codes(rng, "atm", winter * 1, [{1: 85, 2: 8, 3: 2, 7: 2, 8: 3}, {1: 70, 2: 16, 3: 4, 5: 2, 8: 6}]),
        "catr": draw_codes(rng, "catr", urban * 1, [{1: 18, 2: 11, 3: 63, 4: 8}, {3: 25, 4: 68, 7: 5, 6: 1}]),
        "vosp": draw_codes(rng, "vosp", urban * 1, [{0: 97, 1: 1, -1: 2}, {0: 80, 1: 7, 2: 5, 3: 5, -1: 3}]),
        "prof": draw_codes(rng, "prof", urban * 1, [{1: 75, 2: 20, 3: 2, 4: 2}, {1: 88, 2: 10, 3: 1}]),
        "plan": draw_codes(rng, "plan", urban * 1, [{1: 68, 2: 15, 3: 14, 4: 3}, {1: 89, 2: 5, 3: 5, 4: 1}]),
        "situ": draw_codes(rng, "situ", urban * 1, [{1: 84, 3: 13, 2: 1}, {1: 90, 4: 4, 5: 3, 8: 2}]),
        "col": draw_codes(
            rng,
            "col",
            np.minimum(vehicles, 3) - 1 + 3 * pedestrian,
            [{7: 60, 6: 40}, {1: 17, 2: 22, 3: 52, 6: 9}, {4: 50, 5: 42, 6: 8}, {6: 97, 7: 2, -1: 1}],
        ),
    }
    wet = np.isin(codes["atm"], (2, 3))
    codes["surf"] = draw_codes(
        rng, "surf", wet + 2 * (winter & ~wet), [{1: 96, 2: 3}, {2: 92, 3: 2, 1: 5}, {1: 84, 2: 13, 7: 2}]
    )
    road = np.select([np.isin(codes["catr"], code) for code in (1, 3)], [0, 1], 2)
    codes["circ"] = draw_codes(
        rng, "circ", road, [{3: 85, 1: 12, -1: 3}, {2: 88, 3: 8, -1: 4}, {2: 62, 1: 28, 3: 4, -1: 6}]
    )
    minutes = hours * 60 + 5 * rng.integers(0, 12, count)
    return Accidents(days, minutes, urban, pedestrian, vehicles, draw_limits(rng, urban), codes)


def draw_people(rng: np.random.Generator, accidents: Accidents, two_wheeled: npt.NDArray[np.bool_]) -> People:
    """Draw the users of each vehicle: driver, passengers, then pedestrians that it hit.

    Args:
        rng: source of chance.
        accidents: the scenes.
        two_wheeled: shape (vehicles,), vehicles in the order of their accidents.
    """
    of_vehicle = np.repeat(np.arange(len(accidents.vehicles)), accidents.vehicles)
    passengers = np.where(
        two_wheeled, rng.random(len(of_vehicle)) < _PILLION, rng.poisson(_PASSENGERS, len(of_vehicle))
    )
    hit = accidents.pedestrian[of_vehicle] * (1 + (rng.random(len(of_vehicle)) < _SECOND_PEDESTRIAN))
    driven = (rng.random(len(of_vehicle)) >= _PARKED) | (accidents.vehicles[of_vehicle] == 1)
    users = np.where(driven, 1 + passengers, 0) + hit
    vehicle = np.repeat(np.arange(len(of_vehicle)), users)
    seat = np.arange(len(vehicle)) - np.repeat(users.cumsum() - users, users)
    pedestrian = seat >= (users - hit)[vehicle]
    catu = np.select([pedestrian, seat == 0], [3, 1], 2)
    leisure = np.isin((accidents.days[of_vehicle[vehicle]].astype(np.int64) + 3) % 7, (5, 6))
    people = {
        "catu": catu,
        "place": np.select([pedestrian, seat < _SEATS], [_ON_FOOT, seat + 1], _SEATS),
        "sexe": draw_codes(rng, "sexe", catu - 1, [{1: 71, 2: 29}, {1: 42, 2: 58}, {1: 48, 2: 52}]),
        "trajet": draw_codes(
            rng,
            "trajet",
            leisure * 1,
            [{0: 27, 1: 17, 2: 3, 3: 3, 4: 11, 5: 30, 9: 8}, {0: 25, 1: 5, 3: 3, 4: 4, 5: 56, 9: 7}],
        ),
    }
    fled = (catu == 1) & (rng.random(len(vehicle)) < _FLED)
    for name in ("sexe", "trajet"):
        people[name] = np.where(fled, UNKNOWN_CODE, people[name])
    accident, ages = of_vehicle[vehicle], draw_ages(rng, len(vehicle))
    people["secu1"] = draw_equipment(rng, two_wheeled[vehicle], pedestrian, fled)
    odds = _log_odds(rng, accidents, people, accident, two_wheeled[vehicle])
    odds += scene_log_odds(ages, people["secu1"], accidents.limits[accident], pedestrian)
    people["grav"] = _draw_gravity(rng, 1 / (1 + np.exp(-odds)), fled)
    return People(accident, vehicle, ages, people)


def _log_odds(
    rng: np.random.Generator,
    accidents: Accidents,
    people: Mapping[str, Codes],
    accident: Codes,
    exposed: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    hidden = rng.normal(0, _SPREAD, len(accidents.days))[accident]
    total = _INTERCEPT + hidden + _EXPOSED * (exposed & (people["place"] != _ON_FOOT))
    for name, effects in EFFECTS.items():
        codes = people[name] if name in people else accidents.codes[name][accident]
        lookup = np.zeros(max(FEATURE_BY_NAME[name].values) + 2)  # the last place is that of -1
        lookup[list(effects)] = list(effects.values())
        total = total + lookup[codes]
    return np.asarray(total)


def _draw_gravity(rng: np.random.Generator, chances: npt.NDArray[np.float64], fled: npt.NDArray[np.bool_]) -> Codes:
    draw, second = rng.random(len(chances)), rng.random(len(chances))
    severe = np.where(second < _KILLED_OF_SEVERE, 2, 3)
    light = np.where(second < _UNHURT_OF_OTHERS - chances / 4, 1, 4)
    return np.asarray(np.where(fled, 1, np.where(draw < chances, severe, light)))
