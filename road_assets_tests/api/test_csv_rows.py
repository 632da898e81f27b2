"""Files of questions, as people bring them."""

import csv
import io
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_api.services.csv_rows import KNOWN_CELLS, CsvRow, read_csv
from road_api.services.csv_text import CsvError, TooManyRowsError
from road_assets.core.scene_fields import FULL_EXAMPLE_FIELDS, MODEL_FIELDS, SCENE_FIELD_NAMES, SCENE_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES, SCENE_EXAMPLE

EXAMPLE_CODES = (*map(float, SCENE_EXAMPLE.values()), *[math.nan] * len(SCENE_FIELDS))
"""The optional fields are unknown where no column names them; the same NaN object, so that tuples compare."""
HEADER = ",".join(FEATURE_NAMES)
LONG_CELL = "a" * 100
LINE = ",".join(str(code) for code in SCENE_EXAMPLE.values())


def read(text: str | bytes) -> list[CsvRow]:
    file = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return list(read_csv(file, max_rows=10_000).rows)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_every_usual_dialect_reads_the_same(separator: str, quoting: int, line_end: str, encoding: str) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, quoting=quoting, lineterminator=line_end)  # type: ignore[arg-type]
    writer.writerow([*FEATURE_NAMES, "adr"])
    writer.writerow([*SCENE_EXAMPLE.values(), "Allée du Château"])

    (row,) = read(file.getvalue().encode(encoding))

    assert (row.line, row.codes) == (2, EXAMPLE_CODES)
    assert row.cells[-1] == "Allée du Château"


def test_columns_stand_in_any_case_and_order_and_others_are_ignored() -> None:
    names = ["Num_Acc", *reversed(FEATURE_NAMES), "Grav"]
    cells = ["202400000001", *reversed(SCENE_EXAMPLE.values()), "4"]

    (row,) = read(f"{';'.join(names).upper()}\n{';'.join(map(str, cells))}\n")

    assert row.codes == EXAMPLE_CODES


@pytest.mark.parametrize("cell", [" -1", "-1", "", "N/A", "n/a", "null", " -", "\u00a0", "-1.0"])
def test_every_mark_of_the_official_files_says_unknown(cell: str) -> None:
    (row,) = read(f'{HEADER}\n"{cell}",{LINE.partition(",")[2]}\n')

    assert math.isnan(row.codes[0])
    assert row.codes[1:] == EXAMPLE_CODES[1:]


@pytest.mark.parametrize("cell", ["1", " 1", "1.0", "01", "+1", "1."])
def test_a_code_is_read_however_a_spreadsheet_writes_it(cell: str) -> None:
    (row,) = read(f"{HEADER}\n{cell},{LINE.partition(',')[2]}\n")

    assert row.codes == EXAMPLE_CODES


@pytest.mark.parametrize(
    "cell", ["7", "0", "-2", "1.5", "1e0", "0x1", "1_0", "\u0661", "abc", "nan", "inf", "9" * 400, "=1+1"]
)
def test_a_cell_that_is_no_code_is_refused_with_its_field_and_the_allowed_codes(cell: str) -> None:
    (row,) = read(f"{HEADER}\n{cell},{LINE.partition(',')[2]}\n")

    assert (row.line, row.codes, row.field) == (2, (), "catu")
    assert FEATURES[0].describe_codes() in row.reason
    assert len(row.reason) < 250


def test_lines_are_counted_as_an_editor_shows_them() -> None:
    text = f'\n{HEADER},adr\n\n{LINE},"one\ntwo"\n{LINE},x\n\n7{LINE[1:]},x\n{LINE}\n'

    rows = read(text)

    assert [(row.line, row.field, bool(row.reason)) for row in rows] == [
        (4, None, False),
        (6, None, False),
        (8, "catu", True),
        (9, None, True),
    ]
    assert "13 cells where the header has 14" in rows[-1].reason


def test_a_line_with_more_cells_is_refused_unless_they_are_empty() -> None:
    good, bad = read(f"{HEADER}\n{LINE},,\n{LINE},,1\n")

    assert good.codes == EXAMPLE_CODES
    assert "15 cells where the header has 13" in bad.reason


def test_a_line_of_separators_alone_is_a_question_about_which_nothing_is_known() -> None:
    (row,) = read(f"{HEADER}\n{',' * 12}\n")

    assert len(row.codes) == len(MODEL_FIELDS)
    assert all(math.isnan(code) for code in row.codes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n", "is empty"),
        (b" \r\n ", "is empty"),
        (HEADER.encode(), "no row below"),
        (f"{HEADER}\n\n\n".encode(), "no row below"),
        (LINE.encode(), "must be a header"),
        (b"a,b\n1,2\n", "must be a header"),
        (f"{HEADER.replace('catu,', '').replace(',situ', '')}\n{LINE}".encode(), "lacks catu, situ"),
        (f"{HEADER},CATU\n{LINE},1\n".encode(), "names catu more than once"),
        (f'{HEADER}\n"{LINE}\n{LINE}\n'.encode(), "cannot be read from line 2 on"),
        (f'{HEADER}\n"1"x{LINE[1:]}\n'.encode(), "cannot be read from line 2 on"),
        (f"{HEADER}\n{'1' * 200_000}{LINE}\n".encode(), "cannot be read from line 2 on"),
        (HEADER.encode("utf-16"), "is no text"),
        (b"PK\x03\x04\x14\x00\x06\x00", "is no text"),
        (b"\x89PNG\r\n\x1a\n\x81", "is no text"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_says_why(content: bytes, message: str) -> None:
    with pytest.raises(CsvError, match=message):
        read(content)


@given(st.binary(max_size=400))
def test_no_bytes_do_anything_but_read_or_be_refused(content: bytes) -> None:
    for file in (content, f"{HEADER}\n".encode() + content):
        with suppress(CsvError):
            assert read(file)


@given(
    st.lists(
        st.tuples(*(st.sampled_from([None, *sorted(feature.values)]) for feature in FEATURES)), min_size=1, max_size=20
    ),
    st.sampled_from([",", ";"]),
    st.permutations(range(13)),
)
def test_what_is_written_is_read(rows: list[tuple[int | None, ...]], separator: str, order: list[int]) -> None:
    lines = [[FEATURE_NAMES[i] for i in order]]
    lines += [["-1" if row[i] is None else str(row[i]) for i in order] for row in rows]

    found = read("\n".join(separator.join(line) for line in lines))

    read_again = [tuple(None if math.isnan(code) else int(code) for code in row.codes) for row in found]
    assert [row[:13] for row in read_again] == rows
    assert {row[13:] for row in read_again} == {(None,) * len(SCENE_FIELDS)}
    assert [row.line for row in found] == list(range(2, len(rows) + 2))


def test_optional_columns_are_read_each_on_its_own_wherever_they_stand() -> None:
    for name, value in FULL_EXAMPLE_FIELDS.items():
        (row,) = read(f"{name.upper()};{HEADER.replace(',', ';')}\n{value};{LINE.replace(',', ';')}\n")
        known = {field: code for field, code in zip(MODEL_FIELDS, row.codes, strict=True) if not math.isnan(code)}
        assert known == {**SCENE_EXAMPLE, name: value}


@pytest.mark.parametrize("cell", ["", " -1", "N/A", "null"])
def test_an_optional_cell_may_be_unknown_as_any_other(cell: str) -> None:
    (row,) = read(f"{HEADER},{','.join(SCENE_FIELD_NAMES)}\n{LINE}{(',' + cell) * len(SCENE_FIELDS)}\n")
    assert row.codes == EXAMPLE_CODES


@pytest.mark.parametrize("name", ["catv", "manv", "nbv"])
def test_the_zero_by_which_official_files_say_unknown_is_unknown(name: str) -> None:
    (row,) = read(f"{HEADER},{name}\n{LINE},0\n")
    assert row.codes == EXAMPLE_CODES


@pytest.mark.parametrize(
    ("name", "cell", "allowed"),
    [("age", "121", "0 to 120 years"), ("vma", "500", "5 to 130 km/h"), ("agg", "3", "2 = In a built-up area")],
)
def test_a_wrong_optional_cell_is_refused_with_its_field_and_what_is_allowed(
    name: str, cell: str, allowed: str
) -> None:
    (row,) = read(f"{HEADER},{name}\n{LINE},{cell}\n")
    assert (row.field, row.codes) == (name, ())
    assert allowed in row.reason


def test_an_optional_column_that_stands_twice_is_refused() -> None:
    with pytest.raises(CsvError, match="names age more than once"):
        read(f"{HEADER},age,Age\n{LINE},1,2\n")


@given(st.text(max_size=30))
def test_a_cell_is_a_code_or_unknown_or_refused_but_never_guessed(cell: str) -> None:
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([FEATURE_NAMES, [cell, *list(SCENE_EXAMPLE.values())[1:]]])
    try:
        (row,) = read(file.getvalue().encode("utf-8", "ignore"))
    except CsvError:
        return
    if row.codes and not math.isnan(row.codes[0]):
        assert float(cell) == row.codes[0]
        assert int(row.codes[0]) in FEATURES[0].values


@pytest.mark.parametrize(
    "content",
    ["a" * 3_000_000, "a,b," * 1_000_000, f'"{LONG_CELL}\n";' * 20_000, f"{HEADER}\n" + f'"{LONG_CELL}\n",' * 20_000],
    ids=["one cell", "one line", "header", "row"],
)
def test_a_record_beyond_all_measure_is_refused_before_it_is_in_memory(content: str) -> None:
    with pytest.raises(CsvError, match=r"more than 1048576 characters|field larger"):
        read(content)


def test_any_number_of_blank_lines_is_no_long_record() -> None:
    blank = f"{' ' * 2000}\r\n" * 600
    (row,) = read(f"{blank}{HEADER}\n{blank}{LINE}\n{blank}")

    assert row.codes == EXAMPLE_CODES


@pytest.mark.parametrize("start", ["", f"{HEADER}\n{LINE}\n", f'{HEADER}\n{LINE}\n"'])
def test_a_file_of_line_ends_is_not_read_for_ever(start: str) -> None:
    with pytest.raises(TooManyRowsError, match="more than 1040 lines"):
        read_csv(io.BytesIO(f"{start}{chr(10) * 2000}".encode()), max_rows=10)


def test_a_fault_at_the_end_is_found_before_a_row_is_read() -> None:
    file = io.BytesIO(f'{HEADER}\n{LINE}\n{LINE}\n"{LINE}'.encode())

    with pytest.raises(CsvError, match="from line 4 on"):
        read_csv(file, max_rows=10)


def test_rows_are_counted_without_blank_lines_and_more_than_the_limit_refused() -> None:
    content = f"\n{HEADER}\n\n{LINE}\n\n{LINE}\n\n".encode()

    assert read_csv(io.BytesIO(content), max_rows=2).dialect.rows == 2
    with pytest.raises(TooManyRowsError, match="more than the 1 rows"):
        read_csv(io.BytesIO(content), max_rows=1)


def test_thousands_of_spellings_of_a_code_are_read_without_being_remembered() -> None:
    lines = [f"{LINE[0]}.{'0' * zeros}{LINE[1:]}" for zeros in range(KNOWN_CELLS + 100)]

    assert {row.codes for row in read("\n".join([HEADER, *lines]))} == {EXAMPLE_CODES}
