"""Random damage: every row is kept whole or set aside, whatever happens to the bytes."""

import random
import re

import pandas as pd
from hypothesis import event, given, settings
from hypothesis import strategies as st

from road_assets.core.demonstration import generate_release
from road_assets.core.dialect import DialectError
from road_assets.core.joining import join_users
from road_assets.core.quarantine import (
    ValidatedRelease,
)
from road_assets.core.vocabulary import FEATURES, GRAVITY, TABLES, Table
from road_assets_tests.core.damaged_releases import (
    SMALL,
    Files,
    validate,
)

INSERTED = st.text('0123456789;" -.xé\u00a0\n\r', max_size=4).map(str.encode)
EDIT = st.tuples(st.sampled_from(TABLES), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 6), INSERTED)


def check_balance(files: Files, validated: ValidatedRelease) -> pd.DataFrame:
    """What holds of every release, however damaged; returns the users that go on."""
    joined, _ = join_users(validated.tables)
    for table, content in files.items():
        body = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        assert validated.counts[table].rows_in == sum(1 for line in body.split(b"\n") if line) - 1
        validated.counts[table].require_balance(table)
    assert len(joined) == validated.counts["usagers"].kept
    assert not joined.duplicated(["num_acc", "user_key"]).any()
    for feature in (*FEATURES, GRAVITY):
        assert set(joined[feature.name].dropna()) <= set(feature.values)
    assert joined["day"].dt.year.eq(2024).all()
    assert (validated.quarantine["rule"].str.len() > 0).all()
    return joined


@settings(max_examples=150)
@given(
    edits=st.lists(EDIT, min_size=1, max_size=6),
    copies=st.lists(st.tuples(st.sampled_from(TABLES), st.integers(0, 10**6)), max_size=3),
)
def test_damaged_lines_are_kept_whole_or_set_aside_and_no_unknown_code_passes(
    edits: list[tuple[Table, int, int, int, bytes]], copies: list[tuple[Table, int]]
) -> None:
    lines = {table: content.splitlines() for table, content in SMALL.items()}
    for table, number in copies:
        lines[table].append(lines[table][1 + number % (len(lines[table]) - 1)])
    for table, number, position, removed, inserted in edits:
        which = 1 + number % (len(lines[table]) - 1)
        line = lines[table][which]
        start = position % (len(line) + 1)
        lines[table][which] = line[:start] + inserted + line[start + removed :]
    files: Files = {table: b"\n".join(lines[table]) for table in TABLES}
    try:
        validated = validate(files)
    except DialectError as error:  # half a character condemns the file as a whole, and its line is named
        event("a file was refused")
        if re.search(r"broken characters, the first in line \d", str(error)):
            return
        raise
    check_balance(files, validated)


def test_a_hundred_thousand_damaged_lines_leave_the_others_as_they_are() -> None:
    release: Files = dict(zip(TABLES, generate_release(2024, accidents=12_000, seed=4).values(), strict=True))
    before, _ = join_users(validate(release).tables)
    draw, damaged = random.Random(5), 0  # noqa: S311 - damage, not secrets
    while damaged < 100_000:
        files, touched = dict(release), set()
        for table, content in release.items():
            lines = content.decode().split("\n")
            for which in draw.sample(range(1, len(lines) - 1), len(lines) // 3):
                line = lines[which]
                start, inserted = draw.randrange(len(line)), draw.choice(["", "", "7", "99", "x", '"', ";", "-", "\n"])
                lines[which] = line[:start] + inserted + line[start + draw.randrange(3) :]
                touched |= {*re.findall(r"\d{12}", line), *re.findall(r"\d{12}", lines[which])}
                damaged += 1
            files[table] = "\n".join(lines).encode()
        validated = validate(files)
        after = check_balance(files, validated)
        assert validated.counts["usagers"].quarantined > 1000
        pd.testing.assert_frame_equal(
            *(frame[~frame["num_acc"].isin(touched)].reset_index(drop=True) for frame in (before, after))
        )
