"""Reading every published dialect: one test or more for each trap that the readme of the data lists."""

import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.columns import TABLE_COLUMNS
from road_assets.core.dialect import DialectError, read_table, scan_table, table_of, year_of
from road_assets.core.vocabulary import TABLES, Table

MODERN: dict[Table, tuple[str, str]] = {
    "caracteristiques": (
        "Num_Acc;jour;mois;an;hrmn;lum;dep;com;agg;int;atm;col;adr;lat;long",
        "202400000001;25;03;2024;07:40;2;70;70285;1;1;5;1;D438;47,56277000;6,75832000",
    ),
    "lieux": (
        "Num_Acc;catr;voie;v1;v2;circ;nbv;vosp;prof;pr;pr1;plan;lartpc;larrout;surf;infra;situ;vma",
        "202400000001;3;D438;0;N/A;2;2;0;1;1;260;2;;7;1;0;1;90",
    ),
    "vehicules": (
        "Num_Acc;id_vehicule;num_veh;senc;catv;obs;obsm;choc;manv;motor;occutc",
        "202400000001;155\u00a0781\u00a0758;A01;1;7;0;2;1;13;1;",
    ),
    "usagers": (
        "Num_Acc;id_usager;id_vehicule;num_veh;place;catu;grav;sexe;an_nais;trajet;secu1;secu2;secu3;locp;actp;etatp",
        "202400000001;203\u00a0988\u00a0581;155\u00a0781\u00a0758;A01;1;1;3;1;2003;2;1; -1; -1; -1; -1; -1",
    ),
}
LEGACY: dict[Table, tuple[str, str]] = {
    "caracteristiques": (
        "Num_Acc,an,mois,jour,hrmn,lum,agg,int,atm,col,com,adr,gps,lat,long,dep",
        "201300000001,13,2,19,1715,1,2,1,1,3,052,50 Rue de la Gare,M,5051199,0290046,590",
    ),
    "lieux": (
        "Num_Acc,catr,voie,v1,v2,circ,nbv,pr,pr1,vosp,prof,plan,lartpc,larrout,surf,infra,situ,env1",
        "201300000001,3,39,,,2,02,10,910,0,1,1,000,061,1,0,1,99",
    ),
    "vehicules": (
        "Num_Acc,senc,catv,occutc,obs,obsm,choc,manv,num_veh",
        "201300000001,0,07,000,00,0,6,10,A01",
    ),
    "usagers": (
        "Num_Acc,place,catu,grav,sexe,trajet,secu,locp,actp,etatp,an_nais,num_veh",
        "201300000001,1,1,4,2,5,11,0,0,0,1975,A01",
    ),
}


def modern(table: Table, **changes: str) -> bytes:
    """One row in the dialect since 2019, every field quoted."""
    header, row = (line.split(";") for line in MODERN[table])
    values = {name.lower(): value for name, value in zip(header, row, strict=True)} | changes
    return "".join('"' + '";"'.join(line) + '"\n' for line in (header, values.values())).encode()


def legacy(table: Table, **changes: str) -> bytes:
    """One row in the dialect before 2019."""
    header, row = (line.split(",") for line in LEGACY[table])
    values = {name.lower(): value for name, value in zip(header, row, strict=True)} | changes
    return "".join(",".join(line) + "\n" for line in (header, values.values())).encode("cp1252")


def cell(table: Table, column: str, content: bytes) -> object:
    """The value of a column in the only row."""
    frame = read_table(table, content, name="file.csv")
    assert len(frame) == 1
    value = frame[column].iloc[0]
    return None if pd.isna(value) else value


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
