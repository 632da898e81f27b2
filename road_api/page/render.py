"""Rendering the page from the vocabulary. It contains every text in both languages, of which a script shows one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from road_assets.core.scene_fields import SCENE_FIELDS
from road_assets.core.vocabulary import (
    DATA_IN_FRENCH,
    FEATURES,
    GRAVITY,
    SEVERE_GRAVITIES,
    Feature,
    Table,
)

FILES_DIR: Final = Path(__file__).parent / "files"
"""Style sheet, scripts and icon."""

DEFAULTS: Final[dict[str, int]] = {
    "catu": 1,
    "lum": 1,
    "atm": 1,
    "surf": 1,
    "circ": 2,
    "plan": 1,
    "vosp": 0,
    "prof": 1,
    "situ": 1,
}
"""Preselected codes: 62 to 84 % of the users in the official files of 2024 have them. Sex and purpose of the trip are
for the caller to say, and road and collision have no such frequent code, so these fields start as unknown."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of fields in the form.

    Attributes:
        fr: heading in French.
        en: heading in English.
        fields: in the order of the codebook.
    """

    fr: str
    en: str
    fields: Sequence[Feature]


_HEADINGS: Final[dict[Table, tuple[str, str]]] = {
    "usagers": ("L'usager", "The user"),
    "caracteristiques": ("L'accident", "The accident"),
    "lieux": ("Le lieu", "The place"),
}
"""The group of a feature follows from the official file that contains it."""


def render_page(files_path: str) -> str:
    """Render the page.

    Args:
        files_path: path under which the service serves ``FILES_DIR``.

    Returns:
        HTML.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        files=files_path,
        groups=_groups(),
        scene_fields=SCENE_FIELDS,
        defaults=DEFAULTS,
        severe_fr=" ou ".join(code.fr.lower() for code in GRAVITY.codes if code.value in SEVERE_GRAVITIES),
        severe_en=" or ".join(code.en.lower() for code in GRAVITY.codes if code.value in SEVERE_GRAVITIES),
        data_in_french=DATA_IN_FRENCH,
    )


def name_version() -> str:
    """Name the content of ``FILES_DIR`` by a hash: other content has another name, so browsers may cache the files."""
    digest = hashlib.sha256()
    for file in sorted(FILES_DIR.iterdir()):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:12]


def _groups() -> list[Group]:
    return [
        Group(fr, en, [feature for feature in FEATURES if feature.table == table])
        for table, (fr, en) in _HEADINGS.items()
    ]
