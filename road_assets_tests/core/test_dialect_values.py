"""Traps 8 to 14 of the official files: what stands in the cells, and how much of it. One test or more for each."""

import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.columns import TABLE_COLUMNS
from road_assets.core.dialect import scan_table, table_of
from road_assets.core.vocabulary import TABLES, Table
from road_assets_tests.core.official_rows import MODERN, cell, legacy, modern, read_table


def test_trap_8_coordinates_in_every_form_become_degrees() -> None:
    assert cell("caracteristiques", "long", modern("caracteristiques", long=" -0,39851000")) == -0.39851
    assert cell("caracteristiques", "lat", modern("caracteristiques", lat=" -21,11500000")) == -21.115
    assert cell("caracteristiques", "lat", legacy("caracteristiques")) == pytest.approx(50.51199)
    assert cell("caracteristiques", "long", legacy("caracteristiques", long="-171441")) == pytest.approx(-1.71441)
    assert cell("caracteristiques", "lat", legacy("caracteristiques", lat="5051199.0")) == pytest.approx(50.51199)


@pytest.mark.parametrize("blank", ["", "0", "0000000", "0.0"])
def test_trap_8_blank_or_zero_coordinates_are_missing(blank: str) -> None:
    assert cell("caracteristiques", "lat", legacy("caracteristiques", lat=blank)) is None


@pytest.mark.parametrize(
    ("dep", "com", "department", "commune"),
    [
        ("590", "052", "59", "59052"),
        ("010", "004", "01", "01004"),
        ("201", "004", "2A", "2A004"),
        ("202", "033", "2B", "2B033"),
        ("974", "008", "974", "97408"),
        ("750", "116", "75", "75116"),
    ],
)
def test_trap_9_departments_and_communes_before_2019(dep: str, com: str, department: str, commune: str) -> None:
    content = legacy("caracteristiques", dep=dep, com=com)
    assert cell("caracteristiques", "dep", content) == department
    assert cell("caracteristiques", "com", content) == commune


@pytest.mark.parametrize(
    ("dep", "com", "commune"), [("2A", "2A004", "2A004"), ("988", "98827", "98827"), ("01", "1053", "01053")]
)
def test_trap_9_departments_and_communes_since_2019(dep: str, com: str, commune: str) -> None:
    content = modern("caracteristiques", dep=dep, com=com)
    assert cell("caracteristiques", "dep", content) == dep
    assert cell("caracteristiques", "com", content) == commune


def test_trap_9_padded_codes_before_2019() -> None:
    assert cell("vehicules", "catv", legacy("vehicules", catv="07")) == 7
    assert cell("lieux", "nbv", legacy("lieux", nbv="02")) == 2
    assert cell("vehicules", "occutc", legacy("vehicules", occutc="042")) == 42


def test_trap_10_an_unknown_severity_and_a_sex_not_recorded_are_null() -> None:
    content = modern("usagers", grav=" -1", sexe=" -1", an_nais="")
    assert [cell("usagers", name, content) for name in ("grav", "sexe", "an_nais")] == [None, None, None]


def test_trap_10_a_user_category_that_the_codebook_lacks_is_read_and_left_to_the_contracts() -> None:
    assert cell("usagers", "catu", legacy("usagers", catu="4")) == 4


def test_trap_11_vehicle_numbers_of_four_characters() -> None:
    assert cell("vehicules", "num_veh", modern("vehicules", num_veh="AB01")) == "AB01"


@pytest.mark.parametrize("limit", ["500", "900", "800", "300"])
def test_trap_12_keying_errors_in_speed_limits_are_read_as_they_are(limit: str) -> None:
    assert cell("lieux", "vma", modern("lieux", vma=limit)) == int(limit)


def test_trap_12_doubled_quotes_and_semicolons_inside_an_address() -> None:
    content = modern("caracteristiques", adr='12; RUE ""COTE PAIRS""')
    assert cell("caracteristiques", "adr", content) == '12; RUE "COTE PAIRS"'


@pytest.mark.parametrize(("written", "read"), [("A", "A"), ("B", "B"), ("3", "3"), ("3.0", "3"), (" -1", None)])
def test_trap_12_actions_of_pedestrians_have_letters(written: str, read: str | None) -> None:
    assert cell("usagers", "actp", modern("usagers", actp=written)) == read


@pytest.mark.parametrize("table", TABLES)
def test_trap_13_columns_of_every_year_are_there_and_null_where_a_year_lacks_them(table: Table) -> None:
    old = read_table(table, legacy(table), name="old.csv")
    new = read_table(table, modern(table), name="new.csv")
    expected = [column.name for column in TABLE_COLUMNS[table]] + (["day"] if table == "caracteristiques" else [])
    assert old.columns.tolist() == new.columns.tolist() == expected
    assert (old.dtypes == new.dtypes).all()
    only_new = {"lieux": ["vma"], "vehicules": ["motor", "id_vehicule"], "usagers": ["secu1", "id_usager"]}
    only_old = {"caracteristiques": ["gps"], "lieux": ["env1"], "usagers": ["secu"]}
    assert old[only_new.get(table, [])].isna().all(axis=None)
    assert new[only_old.get(table, [])].isna().all(axis=None)


def test_trap_13_widths_were_in_decimetres_before_2019() -> None:
    assert cell("lieux", "larrout", legacy("lieux", larrout="061")) == pytest.approx(6.1)
    assert cell("lieux", "larrout", modern("lieux", larrout="5,5")) == pytest.approx(5.5)


def test_trap_13_a_file_that_mixes_years_reads_each_row_in_its_own_dialect() -> None:
    header, old = modern("lieux", num_acc="201800000001", surf="0", larrout="070").splitlines()
    new = modern("lieux", num_acc="201900000001", surf="0", larrout="7").splitlines()[1]
    frame = read_table("lieux", b"\n".join([header, old, new]), name="lieux.csv")
    assert frame["surf"].isna().tolist() == [True, False]
    assert frame["larrout"].tolist() == [7.0, 7.0]


def test_columns_may_stand_in_any_order_and_unknown_ones_are_told() -> None:
    header, row = (line.split(";") for line in MODERN["lieux"])
    lines = [";".join(["", *reversed(header), "new"]), ";".join(["0", *reversed(row), "x"])]
    reading = scan_table("lieux", "\n".join(lines).encode(), name="f.csv")
    pd.testing.assert_frame_equal(reading.frame, read_table("lieux", modern("lieux"), name="g.csv"))
    assert reading.unknown_columns == ("", "new")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("2024/caract-2024.csv", 45_551),
        ("2024/lieux-2024.csv", 59_008),
        ("2024/vehicules-2024.csv", 77_719),
        ("2024/usagers-2024.csv", 104_669),
        ("2019/vehicules-2019.csv", 100_710),
        ("legacy-2013/caracteristiques_2013.csv", 58_397),
        ("legacy-2013/lieux_2013.csv", 58_397),
        ("legacy-2013/vehicules_2013.csv", 98_925),
        ("samples-2019-2022/ech_caracteristiques.csv", 100),
        ("samples-2019-2022/ech_lieux.csv", 100),
        ("samples-2019-2022/ech_vehicules.csv", 167),
        ("samples-2019-2022/ech_usagers.csv", 220),
    ],
)
def test_trap_14_real_files_give_as_many_rows_as_they_have_lines(path: str, rows: int) -> None:
    file = real_file(path)
    content = file.read_bytes()
    table = table_of(file.name)
    assert table is not None
    reading = scan_table(table, content, name=file.name)
    assert reading.problems == ()
    assert reading.unknown_columns == ()
    assert len(reading.frame) == rows == sum(1 for line in content.splitlines() if line) - 1


def real_file(path: str) -> Path:
    """A file beside or below the directory of the releases, or a skip that says why."""
    named = os.environ.get("ROAD_RELEASES_DIR")
    if not named:
        pytest.skip("ROAD_RELEASES_DIR is not set; it names the official files")
    for root in (Path(named), Path(named).parent):
        if (root / path).is_file():
            return root / path
    pytest.skip(f"{path} is neither in ROAD_RELEASES_DIR nor beside it")


@settings(max_examples=150, deadline=None)
@given(value=st.text(st.characters(exclude_characters='\n\r";', exclude_categories=["Cc", "Cs"]), max_size=12))
def test_a_code_is_a_number_null_or_a_named_problem(value: str) -> None:
    reading = scan_table("lieux", modern("lieux", surf=value), name="f.csv")
    assert len(reading.frame) + len(reading.problems) == 1
    if reading.problems:
        assert (reading.problems[0].line, reading.problems[0].column) == (2, "surf")
