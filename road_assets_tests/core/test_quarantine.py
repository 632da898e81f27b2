"""Rows that break the contract are set aside with their rule, and nothing else is."""

import pytest

from road_assets.core.day_quality import measure_quality
from road_assets.core.demonstration import generate_release
from road_assets.core.joining import join_users
from road_assets.core.quarantine import (
    QUARANTINE_COLUMNS,
    QuarantineError,
    RowCounts,
)
from road_assets.core.vocabulary import FEATURES, GRAVITY, TABLES, Table
from road_assets_tests.core.damaged_releases import (
    GENERATED,
    Files,
    changed,
    number_in,
    rules,
    users_of,
    validate,
    with_value,
)


def test_a_release_without_fault_is_kept_whole() -> None:
    validated = validate(GENERATED)
    assert validated.quarantine.empty
    assert tuple(validated.quarantine.columns) == QUARANTINE_COLUMNS
    assert {table: len(frame) for table, frame in validated.tables.items()} == {
        table: content.count(b"\n") - 1 for table, content in GENERATED.items()
    }


def test_a_cell_that_cannot_be_read_sets_its_row_aside_with_file_line_rule_and_value() -> None:
    validated = validate(with_value("usagers", 5, "an_nais", "x1980"))
    (row,) = validated.quarantine.to_dict("records")
    day = validate(GENERATED).tables["caracteristiques"].set_index("num_acc")["day"][number_in("usagers", 5)]
    assert row == {
        "day": day,
        "source_table": "usagers",
        "file": "usagers.csv",
        "line": 5,
        "num_acc": number_in("usagers", 5),
        "column": "an_nais",
        "rule": "a code is a whole number from -32768 to 32767",
        "value": "x1980",
    }
    assert validated.counts["usagers"] == RowCounts(
        GENERATED["usagers"].count(b"\n") - 1, len(validated.tables["usagers"]), 1
    )


def test_a_row_with_two_faults_is_in_quarantine_once() -> None:
    files = with_value("usagers", 5, "grav", "9", with_value("usagers", 5, "an_nais", "x"))
    validated = validate(files)
    assert validated.quarantine[["line", "column"]].to_numpy().tolist() == [[5, "an_nais"]]


@pytest.mark.parametrize("feature", [feature for feature in (*FEATURES, GRAVITY) if feature.table == "usagers"])
def test_a_code_that_no_codebook_knows_is_never_guessed(feature: object) -> None:
    unknown = str(max(feature.values) + 1)
    validated = validate(with_value("usagers", 3, feature.name, unknown))
    assert validated.quarantine[["line", "column", "rule", "value"]].to_numpy().tolist() == [
        [3, feature.name, "code not in the codebook", unknown]
    ]


def test_a_code_that_was_not_recorded_is_kept() -> None:
    assert validate(with_value("usagers", 3, "grav", " -1")).quarantine.empty


def test_a_vehicle_with_a_code_outside_the_features_is_kept() -> None:
    assert validate(with_value("vehicules", 3, "catv", "4711")).quarantine.empty


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("caracteristiques", "lum", "8"),
        ("caracteristiques", "mois", "13"),
        ("caracteristiques", "lat", "north"),
        ("lieux", "surf", "77"),
        ("lieux", "vma", "fast"),
    ],
)
def test_users_of_an_accident_whose_row_is_set_aside_are_set_aside_too(table: Table, column: str, value: str) -> None:
    validated = validate(with_value(table, 2, column, value))
    users = users_of(number_in(table, 2))
    found = rules(validated)
    assert found.pop(("usagers", f"its accident's row in {table} is in quarantine")) == users > 0
    assert list(found.values()) == [1]
    joined, counts = join_users(validated.tables)
    assert len(joined) == validated.counts["usagers"].kept == validated.counts["usagers"].rows_in - users
    assert counts.accidents == 59


def test_a_later_place_never_takes_the_place_of_a_first_one_that_was_set_aside() -> None:
    numbers = [line[1:13] for line in GENERATED["lieux"].decode().splitlines()]
    first = next(line for line in range(1, len(numbers)) if numbers[line] == numbers[line + 1])
    for broken in (
        with_value("lieux", first + 1, "surf", "77"),  # unknown code
        with_value("lieux", first + 1, "vma", "fast"),  # unreadable cell
        changed("lieux", lambda lines: lines[first].pop()),  # no record
    ):
        kept = validate(broken).tables["usagers"]["num_acc"]
        assert numbers[first] not in set(kept)
        assert kept.nunique() == 59
    later = validate(with_value("lieux", first + 2, "surf", "77"))
    assert rules(later) == {("lieux", "code not in the codebook"): 1}


def test_users_of_an_accident_without_a_row_are_set_aside() -> None:
    for table in ("caracteristiques", "lieux"):
        gone = number_in(table, 2)
        lines = [line for line in GENERATED[table].splitlines(keepends=True) if gone.encode() not in line]
        validated = validate(GENERATED | {table: b"".join(lines)})
        assert rules(validated) == {("usagers", f"its accident has no row in {table}"): users_of(gone)}


def test_an_accident_that_lost_all_its_users_is_told() -> None:
    gone = number_in("caracteristiques", 4)
    lines = [line for line in GENERATED["usagers"].splitlines(keepends=True) if gone.encode() not in line]
    validated = validate(GENERATED | {"usagers": b"".join(lines)})
    assert rules(validated) == {("caracteristiques", "no row of usagers belongs to this accident"): 1}
    assert validated.quarantine["day"].notna().all()


@pytest.mark.parametrize("table", ["caracteristiques", "vehicules", "usagers"])
def test_of_repeated_rows_the_first_is_kept(table: Table) -> None:
    lines = GENERATED[table].splitlines(keepends=True)
    validated = validate(GENERATED | {table: b"".join([*lines, lines[1], lines[1]])})
    assert rules(validated) == {(table, "an earlier row of the file has the same key"): 2}
    assert validated.quarantine["line"].tolist() == [len(lines) + 1, len(lines) + 2]


def test_of_two_rows_that_contradict_each_other_the_first_is_kept() -> None:
    lines = GENERATED["caracteristiques"].splitlines(keepends=True)
    other = lines[1].replace(b'"2024"', b'"2024"', 1).replace(b";", b";", 1)
    files = GENERATED | {"caracteristiques": b"".join([*lines, other])}
    validated = validate(with_value("caracteristiques", len(lines) + 1, "atm", "9", files))
    assert rules(validated) == {("caracteristiques", "an earlier row of the file has the same key"): 1}
    assert validated.tables["caracteristiques"].equals(validate(GENERATED).tables["caracteristiques"])


def test_a_row_that_repeats_an_unreadable_one_does_not_take_its_place() -> None:
    lines = GENERATED["caracteristiques"].splitlines(keepends=True)
    files = GENERATED | {"caracteristiques": b"".join([*lines, lines[1]])}
    validated = validate(with_value("caracteristiques", 2, "hrmn", "99:99", files))
    number = number_in("caracteristiques", 2)
    assert number not in set(validated.tables["usagers"]["num_acc"])
    assert validated.counts["caracteristiques"].quarantined == 2


def test_users_without_an_id_who_look_alike_are_two_people() -> None:
    def drop_ids(lines: list[list[str]]) -> None:
        for line in lines:
            line.pop(1)
        lines.append(lines[1])

    validated = validate(changed("usagers", drop_ids))
    assert validated.quarantine.empty
    assert len(validated.tables["usagers"]) == GENERATED["usagers"].count(b"\n")


def test_vehicles_without_an_id_are_repeated_only_if_all_of_the_row_is() -> None:
    def change(lines: list[list[str]]) -> None:
        for line in lines:
            line.pop(1)
        lines.append(lines[1])
        lines.append([*lines[1][:-1], "9"])

    validated = validate(changed("vehicules", change))
    assert rules(validated) == {("vehicules", "an earlier row of the file has the same key"): 1}


def test_accidents_of_another_year_are_set_aside_with_their_users() -> None:
    older: Files = dict(zip(TABLES, generate_release(2023, accidents=5, seed=2).values(), strict=True))
    both = {table: GENERATED[table] + older[table].split(b"\n", 1)[1] for table in TABLES}
    validated = validate(both)
    users = older["usagers"].count(b"\n") - 1
    assert rules(validated) == {
        ("caracteristiques", "the accident is of another year than the release"): 5,
        ("usagers", "its accident's row in caracteristiques is in quarantine"): users,
    }
    assert set(validated.quarantine["day"].dt.year) == {2023}


def test_a_release_of_which_nobody_can_be_kept_is_refused_with_the_rules() -> None:
    with pytest.raises(QuarantineError, match=r"not one of \d+ users can be kept; .*another year than the release"):
        validate(GENERATED, year=2023)


def test_a_line_as_long_as_a_file_is_cut_in_the_quarantine() -> None:
    files = GENERATED | {"usagers": GENERATED["usagers"] + b"x" * 10_000}
    assert validate(files).quarantine["value"].tolist() == ["x" * 500]


def test_rows_that_do_not_add_up_are_a_defect_that_is_told() -> None:
    with pytest.raises(QuarantineError, match="users: 3 rows came in, but 1 were kept and 1 quarantined"):
        RowCounts(3, 1, 1).require_balance("users")


def test_the_quality_of_a_day_names_the_first_cause_and_counts_whom_it_drags_along() -> None:
    validated = validate(with_value("caracteristiques", 2, "lum", "8"))
    users = users_of(number_in("caracteristiques", 2))
    quality = measure_quality(30 - users, validated.quarantine)
    assert (quality.kept, quality.bad, quality.rule) == (30 - users, users, "code not in the codebook")
    assert quality.example == "caracteristiques.csv, line 2, lum: '8'"
    assert quality.bad_share == users / 30


def test_an_accident_that_lost_all_its_users_counts_as_a_bad_row() -> None:
    gone = number_in("caracteristiques", 4)
    lines = [line for line in GENERATED["usagers"].splitlines(keepends=True) if gone.encode() not in line]
    quality = measure_quality(9, validate(GENERATED | {"usagers": b"".join(lines)}).quarantine)
    assert (quality.bad, quality.bad_share) == (1, 0.1)


def test_where_only_rows_are_missing_that_is_the_cause() -> None:
    gone = number_in("lieux", 2)
    lines = [line for line in GENERATED["lieux"].splitlines(keepends=True) if gone.encode() not in line]
    quality = measure_quality(9, validate(GENERATED | {"lieux": b"".join(lines)}).quarantine)
    assert quality.rule == "its accident has no row in lieux"


def test_a_day_without_any_row_has_no_bad_share() -> None:
    assert measure_quality(0, validate(GENERATED).quarantine).bad_share == 0
