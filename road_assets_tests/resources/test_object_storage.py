"""Files in an object storage, on a real S3 server."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest

from road_assets.local import preflight
from road_assets.resources.files import (
    drafts_below,
    folders_in,
    is_remote,
    names_in,
    replace_bytes,
    replace_text,
    storage_path,
)
from road_assets.resources.lake import Lake
from road_assets.settings import PlatformSettings
from road_assets_tests.object_storage import SECRET_KEY
from road_assets_tests.resources.stalling_proxy import StallingProxy

DAY = date(2024, 2, 29)
_REWRITE = """
import sys, numpy, pandas
from datetime import date
from road_assets.resources.lake import Lake
rows = numpy.random.default_rng(1).random(200_000)
frame = pandas.DataFrame({"day": pandas.Timestamp("2024-02-29"), "row": rows})
print("writing", flush=True)
Lake(root=sys.argv[1]).write_days("asset", frame, [date(2024, 2, 29)])
"""


def test_a_text_is_replaced_and_read_back(s3: str) -> None:
    place = storage_path(f"{s3}/texts")
    for text in ("before", "après"):
        replace_text(place / "page.html", text)
    assert is_remote(place)
    assert (place / "page.html").read_text(encoding="utf-8") == "après"


def test_files_are_listed_in_a_folder_and_in_the_folders_below_it(s3: str) -> None:
    place = storage_path(f"{s3}/listed")
    assert names_in(place) == names_in(place, below=True) == []
    for name in ("2024.parquet", "2024/2024-01-01.parquet", "2025/2025-01-01.parquet"):
        replace_bytes(place / name, b"")
    assert names_in(place) == ["2024.parquet"]
    assert set(names_in(place / "2024")) == {"2024-01-01.parquet"}
    assert set(names_in(place, below=True)) == {"2024-01-01.parquet", "2025-01-01.parquet"}
    assert folders_in(place) == ["2024", "2025"]
    assert folders_in(place / "2024") == folders_in(place / "2026") == []


def test_what_another_process_wrote_is_seen_at_once(s3: str) -> None:
    here = Lake(root=f"{s3}/shared")
    assert here.stored_days("asset") == []
    program = "import sys; " + _REWRITE.replace("200_000", "3").strip().replace("\n", "; ")
    subprocess.run([sys.executable, "-c", program, here.root], check=True, env=_environment())  # noqa: S603 - our own
    assert here.stored_days("asset") == [DAY]
    assert len(here.read_days("asset", [DAY])) == 3


def test_a_writer_killed_in_the_middle_leaves_the_old_day(s3: str) -> None:
    lake = Lake(root=f"{s3}/killed")
    old = pd.DataFrame({"day": pd.Timestamp(DAY), "row": np.arange(10)})
    lake.write_days("asset", old, [DAY])
    server = os.environ["AWS_ENDPOINT_URL"]
    with StallingProxy.to(server, after_bytes=500_000) as proxy:
        command = [sys.executable, "-c", _REWRITE, lake.root]
        writer = subprocess.Popen(command, env=_environment(AWS_ENDPOINT_URL=proxy.address))  # noqa: S603 - our own
        try:
            assert proxy.stalled.wait(60), "the writer did not get as far as 500,000 bytes"
        finally:
            writer.kill()
            writer.wait()
    assert lake.read_days("asset", [DAY])["row"].tolist() == list(range(10))
    assert lake.stored_days("asset") == [DAY]
    assert drafts_below(storage_path(lake.root)) == []
    assert names_in(storage_path(lake.root) / "asset", below=True) == [f"{DAY}.parquet"]
    subprocess.run([sys.executable, "-c", _REWRITE, lake.root], check=True, env=_environment())  # noqa: S603 - our own
    assert len(lake.read_days("asset", [DAY])) == 200_000


def test_only_a_part_of_a_year_is_fetched_to_tell_its_rows_and_days(s3: str) -> None:
    lake = Lake(root=f"{s3}/year")
    days = pd.to_datetime([DAY] * 3 + [date(2024, 3, 1)])
    lake.write_year("release", 2024, pd.DataFrame({"day": days, "row": range(4)}))
    assert lake.rows_of_year("release", 2024) == 4
    assert lake.days_of_year("release", 2024) == [DAY, date(2024, 3, 1)]
    assert lake.rows_of_year("release", 2023) == 0


@pytest.mark.parametrize(
    "address", ["ftp://host/folder", "s3://", "s3://key:word@bucket/folder", "s3://key@bucket", "s3://bucket?key=word"]
)
def test_an_address_of_another_kind_or_with_keys_in_it_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ValueError, match="belong in the environment") as caught:
        PlatformSettings(storage_url=address)
    assert "word" not in str(caught.value)


def test_a_directory_is_made_absolute_and_the_home_is_the_default(tmp_path: Path) -> None:
    assert PlatformSettings(home=tmp_path).storage == str(tmp_path)
    assert PlatformSettings(home=tmp_path, storage_url="files").storage == str(Path.cwd() / "files")
    assert PlatformSettings(home=tmp_path, storage_url="gs://bucket/road/").storage == "gs://bucket/road"


def test_a_bucket_that_is_not_there_is_named_before_anything_starts(s3: str) -> None:
    assert preflight.storage_problems(PlatformSettings(storage_url=s3)) == []
    (problem,) = preflight.storage_problems(PlatformSettings(storage_url="s3://nowhere/road"))
    assert problem.startswith("ROAD_STORAGE_URL=s3://nowhere/road cannot be used")


def test_a_storage_that_does_not_answer_is_named_without_its_keys(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    clients = fsspec.get_filesystem_class("s3")
    clients.clear_instance_cache()  # the environment is read when a client is made
    (problem,) = preflight.storage_problems(PlatformSettings(storage_url=f"{s3}/other"))
    clients.clear_instance_cache()
    assert "127.0.0.1:9" in problem
    assert SECRET_KEY not in problem


def _environment(**others: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **others}
