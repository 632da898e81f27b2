"""Frames in Parquet files, in a folder and on a real S3 server."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_assets.resources.lake import Lake, LakeError

DAY, NEXT = date(2024, 2, 28), date(2024, 2, 29)


def _frame(days: list[date]) -> pd.DataFrame:
    return pd.DataFrame({"day": pd.to_datetime(days).astype("datetime64[us]"), "row": range(len(days))})


@pytest.fixture
def local_lake(tmp_path: Path) -> Lake:
    return Lake(root=str(tmp_path))


@pytest.fixture(params=["folder", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    if request.param == "folder":
        return Lake(root=str(tmp_path))
    return Lake(root=f"{request.getfixturevalue('s3')}/{tmp_path.name}")


def test_what_was_written_is_read_in_the_order_of_time(lake: Lake) -> None:
    lake.write_days("asset", _frame([NEXT, DAY, NEXT]), [DAY, NEXT])
    assert lake.read_days("asset", [NEXT, DAY])["row"].tolist() == [1, 0, 2]


def test_days_may_be_given_in_any_order(lake: Lake) -> None:
    lake.write_days("asset", _frame([NEXT, DAY]), [NEXT, DAY])
    assert lake.read_days("asset", [DAY])["row"].tolist() == [1]


def test_years_of_days_are_written_in_parts_and_read_back_whole(local_lake: Lake) -> None:
    days = [DAY + timedelta(days=number) for number in range(800)]
    local_lake.write_days("asset", _frame(days[:400] + days[500:]), days)
    assert local_lake.stored_days("asset") == days
    assert local_lake.read_days("asset", days)["row"].tolist() == list(range(700))


def test_texts_are_read_as_arrow_strings_whatever_they_were(lake: Lake) -> None:
    texts = {"object": ["a", None], "string": pd.array(["a", None], dtype="string")}
    lake.write_days("asset", _frame([DAY, NEXT]).assign(**texts), [DAY, NEXT])
    read = lake.read_days("asset", [DAY, NEXT])
    assert (read[list(texts)].dtypes == "string[pyarrow]").all()
    assert read["object"].isna().tolist() == [False, True]


def test_writing_a_day_leaves_other_days_as_they_are(local_lake: Lake, tmp_path: Path) -> None:
    local_lake.write_days("asset", _frame([DAY, NEXT]), [DAY, NEXT])
    before = (tmp_path / "asset/2024/2024-02-29.parquet").read_bytes()
    local_lake.write_days("asset", _frame([DAY, DAY]), [DAY])
    assert (tmp_path / "asset/2024/2024-02-29.parquet").read_bytes() == before
    assert len(local_lake.read_days("asset", [DAY])) == 2


def test_a_day_without_rows_is_stored_as_empty_not_as_missing(lake: Lake) -> None:
    lake.write_days("asset", _frame([DAY]), [DAY, NEXT])
    assert lake.stored_days("asset") == [DAY, NEXT]
    assert lake.read_days("asset", [NEXT]).empty


def test_rows_of_a_day_that_is_not_written_are_refused_and_nothing_is_stored(lake: Lake) -> None:
    with pytest.raises(ValueError, match="2024, 2, 29"):
        lake.write_days("asset", _frame([DAY, NEXT]), [DAY])
    assert lake.stored_days("asset") == []


def test_a_day_never_materialized_is_named(lake: Lake) -> None:
    lake.write_days("asset", _frame([DAY]), [DAY])
    with pytest.raises(LakeError, match="asset has no partition for 2024-02-29; materialize asset"):
        lake.read_days("asset", [DAY, NEXT])


def test_missing_days_can_be_left_out_but_not_all_of_them(lake: Lake) -> None:
    lake.write_days("asset", _frame([DAY]), [DAY])
    assert len(lake.read_days("asset", [DAY, NEXT], skip_missing=True)) == 1
    with pytest.raises(LakeError, match="no partition between"):
        lake.read_days("asset", [NEXT], skip_missing=True)


def test_only_the_asked_columns_are_read(lake: Lake) -> None:
    lake.write_days("asset", _frame([DAY]), [DAY])
    assert list(lake.read_days("asset", [DAY], columns=["row"]).columns) == ["row"]


def test_a_column_that_older_files_lack_is_null_in_their_rows_if_it_is_called_optional(lake: Lake) -> None:
    lake.write_days("asset", _frame([DAY]), [DAY])
    asked = {"columns": ["row", "noise"], "optional": ["noise"]}
    assert list(lake.read_days("asset", [DAY], **asked).columns) == ["row"]
    lake.write_days("asset", _frame([NEXT]).assign(noise=0.8), [NEXT])
    both = lake.read_days("asset", [DAY, NEXT], **asked)
    assert both["noise"].isna().tolist() == [True, False]
    with pytest.raises(pa.ArrowInvalid, match="noise"):
        lake.read_days("asset", [DAY], columns=["row", "noise"])


def test_a_year_can_be_read_whole_or_by_days(lake: Lake) -> None:
    lake.write_year("release", 2024, _frame([DAY, NEXT, NEXT]))
    assert len(lake.read_year("release", 2024)) == 3
    assert len(lake.read_year("release", 2024, days=[NEXT])) == 2
    assert lake.days_of_year("release", 2024) == [DAY, NEXT]
    assert lake.stored_years("release") == [2024]


def test_a_year_never_materialized_is_named_and_has_no_days(lake: Lake) -> None:
    assert lake.days_of_year("release", 2023) == []
    with pytest.raises(LakeError, match="materialize release for 2023"):
        lake.read_year("release", 2023)


def test_assets_with_days_are_told_apart_from_those_with_years(lake: Lake) -> None:
    assert lake.daily_assets() == []
    lake.write_days("raw_accidents", _frame([DAY]), [DAY])
    lake.write_days("features", _frame([DAY, NEXT]), [DAY, NEXT])
    lake.write_year("baac_release", 2024, _frame([DAY]))
    assert lake.daily_assets() == ["features", "raw_accidents"]
    assert lake.stored_years("baac_release") == [2024]


def test_a_day_can_be_removed_and_removing_it_again_is_no_error(lake: Lake) -> None:
    lake.write_days("asset", _frame([DAY, NEXT]), [DAY, NEXT])
    for _ in range(2):
        lake.remove_day("asset", DAY)
    assert lake.stored_days("asset") == [NEXT]
    lake.remove_day("asset", NEXT)
    assert lake.daily_assets() == []


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(local_lake: Lake, tmp_path: Path) -> None:
    local_lake.write_days("asset", _frame([DAY]), [DAY])
    folder = tmp_path / "asset" / "2024"
    before = (folder / "2024-02-28.parquet").read_bytes()
    unwritable = _frame([DAY]).assign(row=[object()])
    with pytest.raises(Exception, match="object"):
        local_lake.write_days("asset", unwritable, [DAY])
    assert [path.name for path in folder.iterdir()] == ["2024-02-28.parquet"]
    assert (folder / "2024-02-28.parquet").read_bytes() == before


@given(st.lists(st.dates(date(2019, 1, 1), date(2025, 12, 31)), max_size=30))
def test_no_row_is_lost_or_doubled_whatever_the_days(
    tmp_path_factory: pytest.TempPathFactory, days: list[date]
) -> None:
    lake = Lake(root=str(tmp_path_factory.mktemp("lake")))
    lake.write_days("asset", _frame(days), sorted(set(days)))
    if days:
        read = lake.read_days("asset", set(days))
        assert sorted(read["row"]) == list(range(len(days)))
        assert read["day"].is_monotonic_increasing
