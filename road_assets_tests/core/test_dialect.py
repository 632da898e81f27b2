"""Traps 1 to 7 of the official files: how they are written, named and dated. One test or more for each."""

import pandas as pd
import pytest

from road_assets.core.dialect import DialectError, table_of, year_of
from road_assets.core.vocabulary import TABLES, Table
from road_assets_tests.core.official_rows import LEGACY, MODERN, cell, legacy, modern, read_table


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(("rows", "separator"), [(MODERN, ";"), (LEGACY, ",")])
@pytest.mark.parametrize("other", [";", ",", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_trap_1_any_separator_with_or_without_quotes(
    table: Table, rows: dict[Table, tuple[str, str]], separator: str, other: str, quote: str
) -> None:
    lines = [line.replace(",", "·").replace("·", "." if separator == ";" else ",") for line in rows[table]]
    content = "\n".join(other.join(f"{quote}{field}{quote}" for field in line.split(separator)) for line in lines)
    frame = read_table(table, content.encode(), name="file.csv")
    assert frame["num_acc"].tolist() == [lines[1][:12]]


@pytest.mark.parametrize("ending", ["", "\n", "\n\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_trap_2_utf8_or_cp1252_and_files_that_end_with_no_one_or_two_newlines(ending: str, encoding: str) -> None:
    content = modern("caracteristiques", adr="Rue Bonne Espérance").decode().rstrip("\n") + ending
    assert cell("caracteristiques", "adr", content.encode(encoding)) == "Rue Bonne Espérance"


def test_trap_2_the_bytes_that_cp1252_leaves_undefined_do_not_stop_a_file() -> None:
    content = legacy("caracteristiques", adr="RUE DE L'ÉTÉ").replace(b"'", b"\x81")
    assert len(read_table("caracteristiques", content, name="f.csv")) == 1


def test_trap_2_utf8_with_a_broken_character_is_not_taken_for_cp1252() -> None:
    content = modern("caracteristiques", adr="Allée du Général Éboué").replace("É".encode(), b"\xc3", 1)
    with pytest.raises(DialectError, match="broken characters, the first in line 2"):
        read_table("caracteristiques", content, name="caract-2024.csv")


@pytest.mark.parametrize("mark", [" -1", "", "N/A", "null", " -", ".", "-1", "-1.0"])
def test_trap_3_marks_for_what_was_not_recorded_become_null(mark: str) -> None:
    assert cell("usagers", "trajet", modern("usagers", trajet=mark)) is None
    assert cell("lieux", "v2", modern("lieux", v2=mark)) is None


def test_trap_3_negative_distances_are_kept_and_only_minus_one_is_missing() -> None:
    assert cell("lieux", "pr1", modern("lieux", pr1=" -190")) == -190
    assert cell("lieux", "pr1", modern("lieux", pr1=" -1")) is None


@pytest.mark.parametrize("column", ["pr", "pr1"])
def test_trap_3_a_one_in_brackets_is_the_missing_mark_of_2019(column: str) -> None:
    assert cell("lieux", column, modern("lieux", **{column: "(1)"})) is None


@pytest.mark.parametrize("name", ["surf", "plan", "prof", "circ", "nbv", "larrout"])
def test_trap_3_a_zero_before_2019_is_missing_where_no_code_zero_exists(name: str) -> None:
    assert cell("lieux", name, legacy("lieux", **{name: "0"})) is None


def test_trap_3_a_zero_stays_where_the_vocabulary_knows_it() -> None:
    assert cell("lieux", "vosp", legacy("lieux", vosp="0")) == 0
    assert cell("usagers", "trajet", legacy("usagers", trajet="0")) == 0
    assert cell("lieux", "surf", modern("lieux", surf="0")) == 0


@pytest.mark.parametrize("mark", ["#VALEURMULTI", "#ERREUR"])
@pytest.mark.parametrize("column", ["nbv", "pr", "larrout"])
def test_trap_3_error_marks_of_a_spreadsheet_are_not_numbers(mark: str, column: str) -> None:
    assert cell("lieux", column, modern("lieux", **{column: mark})) is None


@pytest.mark.parametrize(
    "written", ["155\u00a0781\u00a0758", "155\u00c2\u00a0781\u00c2\u00a0758", "155 781 758", "155781758", "155781758.0"]
)
def test_trap_4_ids_are_the_same_whatever_their_spaces(written: str) -> None:
    for column, table in (("id_vehicule", "vehicules"), ("id_vehicule", "usagers"), ("id_usager", "usagers")):
        assert cell(table, column, modern(table, **{column: written})) == "155781758"


def test_trap_4_different_ids_are_never_merged() -> None:
    assert cell("vehicules", "id_vehicule", modern("vehicules", id_vehicule="0155781758")) == "0155781758"
    for unclear in ("15 5781 758", "1.557E+08", "155781758.5", "A155"):
        with pytest.raises(DialectError, match="line 2, id_vehicule"):
            read_table("vehicules", modern("vehicules", id_vehicule=unclear), name="vehicules-2024.csv")


def test_trap_4_thousands_separators_in_road_markers() -> None:
    assert cell("lieux", "pr", modern("lieux", pr="8\u00a0965")) == 8965
    assert cell("lieux", "pr1", modern("lieux", pr1="1\u00c2\u00a0032")) == 1032


def test_trap_5_the_key_of_2022_has_another_name() -> None:
    content = modern("caracteristiques").replace(b"Num_Acc", b"Accident_Id")
    assert cell("caracteristiques", "num_acc", content) == "202400000001"


@pytest.mark.parametrize(
    ("filename", "table", "year"),
    [
        ("caracteristiques-2022.csv", "caracteristiques", 2022),
        ("carcteristiques-2021.csv", "caracteristiques", 2021),
        ("caract-2023.csv", "caracteristiques", 2023),
        ("Caract_2024.csv", "caracteristiques", 2024),
        ("caracteristiques_2013.csv", "caracteristiques", 2013),
        ("Caractéristiques-2019.CSV", "caracteristiques", 2019),
        ("ech_caracteristiques.csv", "caracteristiques", None),
        ("LIEUX-2024.csv", "lieux", 2024),
        ("vehicules_2013.csv", "vehicules", 2013),
        ("ech_usagers.csv", "usagers", None),
        ("vehicules-immatricules-baac-2022.csv", None, None),
        ("description-des-bases-2022.pdf", None, None),
        ("usagers-2024.xlsx", None, None),
        ("old-usagers-2024.csv", None, None),
    ],
)
def test_trap_5_tables_and_years_are_told_from_file_names(filename: str, table: Table | None, year: int | None) -> None:
    assert table_of(filename) == table
    assert year_of(filename) == year


def test_trap_6_every_row_of_a_place_is_kept_in_its_order() -> None:
    header, row = modern("lieux").splitlines(keepends=True)
    frame = read_table("lieux", header + row + row.replace(b'"2"', b'"4"', 1), name="lieux-2024.csv")
    assert frame["circ"].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("07:40", "07:40"),
        ("7:40", "07:40"),
        ("1715", "17:15"),
        ("830", "08:30"),
        ("45", "00:45"),
        ("5", "00:05"),
        ("0", "00:00"),
    ],
)
def test_trap_7_hours_with_a_colon_or_of_one_to_four_digits(written: str, read: str) -> None:
    assert cell("caracteristiques", "hrmn", legacy("caracteristiques", hrmn=written)) == read


def test_trap_7_an_hour_that_does_not_exist_is_named() -> None:
    with pytest.raises(DialectError, match=r"caract-2024\.csv: 1 places.*\n.*line 2, hrmn: '2575'"):
        read_table("caracteristiques", modern("caracteristiques", hrmn="2575"), name="caract-2024.csv")


@pytest.mark.parametrize(("year", "written"), [(2013, "13"), (2013, "2013"), (2005, "5"), (2024, "2024")])
def test_trap_7_years_of_two_or_four_digits_and_days_without_padding(year: int, written: str) -> None:
    content = modern("caracteristiques", num_acc=f"{year}00000001", an=written, mois="3", jour="1")
    frame = read_table("caracteristiques", content, name="f.csv")
    assert frame["day"].tolist() == [pd.Timestamp(year, 3, 1)]
    assert frame["an"].tolist() == [year]
    assert frame["day"].dtype == "datetime64[us]"


@pytest.mark.parametrize(
    "parts",
    [
        {"jour": "31", "mois": "04"},
        {"jour": "29", "mois": "02", "an": "2023"},
        {"mois": "13"},
        {"jour": "0"},
        {"jour": ""},
    ],
)
def test_trap_7_a_date_that_does_not_exist_is_named_with_its_line(parts: dict[str, str]) -> None:
    with pytest.raises(DialectError, match=r"line 2, an/mois/jour: .* no such date"):
        read_table("caracteristiques", modern("caracteristiques", **parts), name="caract-2024.csv")


def test_trap_7_a_year_other_than_the_accident_numbers_is_named() -> None:
    with pytest.raises(DialectError, match="not the one the accident number begins with"):
        read_table("caracteristiques", modern("caracteristiques", an="2023"), name="caract-2024.csv")
