"""The groups of users that a new model must not fail."""

import numpy as np
import pandas as pd
import pytest

from road_assets.core.gate_slices import department_group, slices_of
from road_assets.core.vocabulary import TARGET


def rows(count: int = 400) -> pd.DataFrame:
    position = np.arange(count)
    return pd.DataFrame(
        {
            TARGET: position % 2,
            "catu": np.where(position < 20, 3, 1),
            "sexe": 1 + (position // 2) % 2,
            "lum": -1,
            "catr": 4,
            "dep": np.where(position % 4 < 2, "75", "974"),
        }
    )


def test_each_group_with_enough_rows_of_both_classes_is_a_slice() -> None:
    found = slices_of(rows())
    assert {field for field, _ in found} == {"catu", "sexe", "catr", "département"}
    assert [group for field, group in found if field == "catu"] == ["1 Driver"]
    assert [group for field, group in found if field == "département"] == ["overseas", "Île-de-France"]
    assert (found["sexe", "1 Male"] == np.flatnonzero((np.arange(400) // 2) % 2 == 0)).all()


def test_rows_that_do_not_say_their_departement_are_in_no_group_of_it() -> None:
    assert not [field for field, _ in slices_of(rows().drop(columns="dep")) if field == "département"]
    assert not [field for field, _ in slices_of(rows().assign(dep="")) if field == "département"]


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("75", "Île-de-France"),
        ("2A", "elsewhere in metropolitan France"),
        ("1", "elsewhere in metropolitan France"),
        ("01", "elsewhere in metropolitan France"),
        ("976", "overseas"),
        ("", ""),
        ("nan", ""),
    ],
)
def test_a_departement_lies_somewhere(code: str, group: str) -> None:
    assert department_group(code) == group
