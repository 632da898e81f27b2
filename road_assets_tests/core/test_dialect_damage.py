"""Files that are damaged or something else: each is refused with a message, and no row gets lost in silence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_assets.core.demonstration import generate_release
from road_assets.core.dialect import DialectError, scan_table
from road_assets.core.vocabulary import TABLES, Table
from road_assets_tests.core.official_rows import read_table

GENERATED: dict[Table, bytes] = dict(zip(TABLES, generate_release(2024, accidents=12, seed=3).values(), strict=True))


def modern(table: Table) -> bytes:
    """The header and one row."""
    return b"\n".join(GENERATED[table].splitlines()[:2]) + b"\n"


def with_last(row: bytes, value: str) -> bytes:
    """The row with another value in its last field, which is ``vma`` in ``lieux``."""
    return row.rsplit(b";", 1)[0] + f';"{value}"'.encode()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \n"])
def test_an_empty_file_is_named(content: bytes) -> None:
    with pytest.raises(DialectError, match=r"lieux-2024\.csv: is empty"):
        read_table("lieux", content, name="lieux-2024.csv")


def test_a_header_without_rows_is_named() -> None:
    with pytest.raises(DialectError, match="holds a header and no row"):
        read_table("lieux", modern("lieux").splitlines()[0] + b"\n\n", name="lieux-2024.csv")


@pytest.mark.parametrize("content", [b"PK\x03\x04\x00\x00", b"\x89PNG\r\n\x1a\n\x00", "Num_Acc;a".encode("utf-16")])
def test_what_is_no_text_is_named(content: bytes) -> None:
    with pytest.raises(DialectError, match="is no text"):
        read_table("lieux", content, name="lieux-2024.csv")


def test_a_page_instead_of_a_table_is_named() -> None:
    with pytest.raises(DialectError, match="is no header of an official table"):
        read_table("lieux", b"<!DOCTYPE html>\n<html></html>\n", name="lieux-2024.csv")


def test_a_file_of_another_table_is_named_with_the_columns_it_lacks() -> None:
    with pytest.raises(DialectError, match=r"lacks the columns .*catr.*of the table lieux"):
        read_table("lieux", modern("usagers"), name="lieux-2024.csv")


def test_a_file_whose_header_was_lost_is_named() -> None:
    with pytest.raises(DialectError, match="lacks the columns num_acc"):
        read_table("usagers", GENERATED["usagers"].split(b"\n", 1)[1], name="usagers-2024.csv")


def test_a_vehicle_table_with_neither_id_nor_number_is_named() -> None:
    content = modern("vehicules").replace(b"num_veh", b"number").replace(b"id_vehicule", b"id")
    with pytest.raises(DialectError, match="id_vehicule or num_veh"):
        read_table("vehicules", content, name="vehicules-2013.csv")


def test_a_column_named_twice_is_named() -> None:
    content = modern("lieux").replace(b'"vma"', b'"Surf"')
    with pytest.raises(DialectError, match="names the column 'Surf' twice"):
        read_table("lieux", content, name="lieux-2024.csv")


@pytest.mark.parametrize("cut", [2, 3, 5, 20, 60])
def test_a_file_cut_off_in_its_last_line_is_named_with_the_line(cut: int) -> None:
    content = generate_release(2024, accidents=5, seed=1)["usagers-2024.csv"]
    last = content.count(b"\n")
    with pytest.raises(DialectError, match=f"line {last}: .*cut off"):
        read_table("usagers", content[:-cut], name="usagers-2024.csv")


def test_a_quote_left_open_does_not_swallow_the_lines_after_it() -> None:
    lines = generate_release(2024, accidents=8, seed=1)["caract-2024.csv"].splitlines()
    lines[3] = lines[3].rstrip(b'"')
    reading = scan_table("caracteristiques", b"\n".join(lines), name="caract-2024.csv")
    assert [(problem.line, problem.column) for problem in reading.problems] == [(4, "")]
    assert reading.lines.tolist() == [2, 3, 5, 6, 7, 8, 9]


def test_lines_are_numbered_as_in_the_file_when_some_are_blank() -> None:
    header, row = modern("lieux").splitlines()
    content = b"\n".join([header, b"", row, b"", with_last(row, "fast")])
    with pytest.raises(DialectError, match="line 5, vma: 'fast'"):
        read_table("lieux", content, name="lieux-2024.csv")


def test_rows_with_a_problem_are_left_out_and_told_and_the_others_stay() -> None:
    header, row = modern("lieux").splitlines()
    bad = with_last(b'"2024000000XX"' + row[14:], "40000")
    reading = scan_table("lieux", b"\n".join([header, row, bad, row]), name="lieux-2024.csv")
    assert len(reading.frame) == 2
    assert [(p.line, p.column, p.value) for p in reading.problems] == [
        (3, "num_acc", "2024000000XX"),
        (3, "vma", "40000"),
    ]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("caracteristiques", "num_acc", "20240000001"),
        ("caracteristiques", "num_acc", ""),
        ("caracteristiques", "lum", "daylight"),
        ("caracteristiques", "dep", "7B"),
        ("caracteristiques", "com", "Lyon"),
        ("caracteristiques", "lat", "48°51'"),
        ("caracteristiques", "hrmn", "25:00"),
        ("lieux", "surf", "1.5"),
        ("lieux", "larrout", "wide"),
        ("lieux", "pr1", "1 02"),
        ("usagers", "grav", "99999"),
        ("usagers", "id_usager", "12-34"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_with_line_and_column(table: Table, column: str, value: str) -> None:
    header, row = (line.decode().split(";") for line in modern(table).splitlines())
    row[[name.strip('"').lower() for name in header].index(column)] = f'"{value}"'
    reading = scan_table(table, "\n".join([";".join(header), ";".join(row)]).encode(), name="f.csv")
    assert [(problem.line, problem.column, problem.value) for problem in reading.problems] == [(2, column, value)]
    assert reading.frame.empty


def test_a_file_of_which_no_line_is_a_record_is_named() -> None:
    header, row = modern("lieux").splitlines()
    with pytest.raises(DialectError, match="no line, or not each of them, can be read"):
        read_table("lieux", b"\n".join([header, row[:30], row[:40]]), name="lieux-2024.csv")


def test_a_message_shows_a_few_places_and_counts_the_rest() -> None:
    header, row = modern("lieux").splitlines()
    content = b"\n".join([header, *[with_last(row, "x")] * 9])
    with pytest.raises(DialectError, match="9 places cannot be read") as caught:
        read_table("lieux", content, name="lieux-2024.csv")
    assert str(caught.value).endswith("and 4 more")
    assert len(caught.value.problems) == 9


@settings(max_examples=400, deadline=None)
@given(
    table=st.sampled_from(TABLES),
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 12), st.binary(max_size=4)), min_size=1, max_size=4),
)
def test_damaged_bytes_give_either_an_error_or_every_line_as_a_row(
    table: Table, edits: list[tuple[int, int, bytes]]
) -> None:
    content = GENERATED[table]
    for position, removed, inserted in edits:
        start = position % len(content)
        content = content[:start] + inserted + content[start + removed :]
    try:
        frame = read_table(table, content, name="damaged.csv")
    except DialectError:
        return
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert len(frame) == sum(1 for line in lines if line) - 1


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode), table=st.sampled_from(TABLES))
def test_anything_that_is_no_table_is_an_error_with_a_message(content: bytes, table: Table) -> None:
    with pytest.raises(DialectError):
        read_table(table, content, name="anything.csv")
