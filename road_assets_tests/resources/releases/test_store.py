"""Where releases come from: the user's directory, what was fetched, and a generated one when there is no network."""

import json
import os
import shutil
import socket
from datetime import date
from pathlib import Path

import pytest

from road_assets.core.demonstration import generate_release
from road_assets.core.vocabulary import DATA_DEMONSTRATION, DATA_OFFICIAL, TABLES
from road_assets.definitions import build_resources
from road_assets.resources.releases import store as release_store
from road_assets.resources.releases.data_gouv import DataGouv
from road_assets.resources.releases.download import Patience
from road_assets.resources.releases.files import ReleaseError, find_files
from road_assets.resources.releases.release import Release
from road_assets.resources.releases.resource import ReleasesResource
from road_assets.resources.releases.store import ReleaseStore
from road_assets.settings import PlatformSettings

OFFLINE = "http://127.0.0.1:9/"  # the discard port: nobody listens


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    write_release(folder, 2024)
    return folder


@pytest.fixture
def offline(home: Path, monkeypatch: pytest.MonkeyPatch) -> ReleaseStore:
    monkeypatch.setattr(release_store, "DEMONSTRATION_ACCIDENTS", 400)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    patience = Patience(connect_seconds=1, answer_seconds=3, first_pause_seconds=0.01)
    return ReleaseStore(home, None, DataGouv(f"http://127.0.0.1:{port}/", patience))


def write_release(folder: Path, year: int, accidents: int = 30) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in generate_release(year, accidents=accidents, seed=1).items():
        (folder / name).write_bytes(content)


def test_a_directory_with_the_four_files_is_read(home: Path, directory: Path) -> None:
    store = ReleaseStore(home, directory)
    release = store.find_release()
    assert (release.year, release.source, release.data_label) == (2024, "directory", DATA_OFFICIAL)
    loaded = store.load_release(release)
    assert loaded.counts.accidents == 30
    assert loaded.content_hash == release.content_hash
    assert store.days_of(release) == (loaded.frame["day"].min().date(), loaded.frame["day"].max().date())
    assert not home.exists()


def test_columns_that_no_codebook_has_are_told(home: Path, directory: Path) -> None:
    places = directory / "lieux-2024.csv"
    header, *rows = places.read_text().splitlines()
    places.write_text("\n".join([f'{header};"charging"', *(f'{row};"1"' for row in rows)]))
    store = ReleaseStore(home, directory)
    assert store.load_release(store.find_release()).unknown_columns == {"lieux": ("charging",)}


def test_a_directory_with_a_folder_per_year_gives_the_newest_or_the_one_asked_for(home: Path, tmp_path: Path) -> None:
    for year in (2022, 2023):
        write_release(tmp_path / "all" / str(year), year)
    store = ReleaseStore(home, tmp_path / "all")
    assert store.find_release().year == 2023
    assert store.find_release(2022).files["lieux"].parent.name == "2022"
    with pytest.raises(ReleaseError, match=r"no release of 2019; it holds \[2022, 2023\]"):
        store.find_release(2019)


def test_copies_whose_names_tell_no_year_get_that_of_their_newest_accident(home: Path, directory: Path) -> None:
    for path in directory.iterdir():
        path.rename(path.with_name("ech_" + path.name.replace("-2024", "")))
    assert ReleaseStore(home, directory).find_release().year == 2024


def test_the_hash_tells_any_change_and_nothing_else(home: Path, directory: Path, tmp_path: Path) -> None:
    first = ReleaseStore(home, directory).find_release().content_hash
    write_release(tmp_path / "again", 2024)
    assert ReleaseStore(home, tmp_path / "again").find_release().content_hash == first
    path = directory / "lieux-2024.csv"
    path.write_bytes(path.read_bytes().replace(b'"50"', b'"30"', 1))
    assert ReleaseStore(home, directory).find_release().content_hash != first


def test_a_directory_that_does_not_exist_is_an_error_and_never_passed_over(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"names .*nowhere, which does not exist; correct it or unset it"):
        ReleaseStore(home, tmp_path / "nowhere").find_release()
    assert not home.exists()


def test_a_file_instead_of_a_directory_is_named(home: Path, directory: Path) -> None:
    with pytest.raises(ReleaseError, match="which is a file; name the directory"):
        ReleaseStore(home, directory / "lieux-2024.csv").find_release()


def test_a_directory_without_a_release_tells_the_names_it_looks_for(home: Path, tmp_path: Path) -> None:
    (tmp_path / "usagers-2024.csv.gz").write_bytes(b"")
    with pytest.raises(ReleaseError, match=r"there is usagers-2024\.csv\.gz.*accepted names .*caract-YYYY\.csv"):
        ReleaseStore(home, tmp_path).find_release()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("caract-2024.csv", r"caracteristiques: caracteristiques-2024\.csv or caract-2024\.csv"),
        ("usagers-2024.csv", r"usagers: usagers-2024\.csv"),
    ],
)
def test_a_missing_file_is_named_with_the_names_accepted(home: Path, directory: Path, name: str, wanted: str) -> None:
    (directory / name).rename(directory / name.replace(".csv", ".xlsx"))
    store = ReleaseStore(home, directory)
    with pytest.raises(ReleaseError, match=rf"lacks 1 of its four files.*{name[:-4]}\.xlsx.*Put there {wanted}"):
        store.find_release()


def test_two_files_for_one_table_are_named(home: Path, directory: Path) -> None:
    shutil.copy(directory / "caract-2024.csv", directory / "caracteristiques_2024.csv")
    with pytest.raises(ReleaseError, match=r"two files for the table caracteristiques of 2024: .*caract-2024\.csv"):
        ReleaseStore(home, directory).find_release()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", r"cannot be read: .*lieux-2024\.csv: is no text"),
        (b"", r"cannot be read: .*lieux-2024\.csv: is empty"),
        (b"a;b\n1;2\n", r"cannot be read: .*lieux-2024\.csv: line 1 lacks the columns num_acc"),
    ],
)
def test_a_file_that_is_no_table_is_named(home: Path, directory: Path, content: bytes, message: str) -> None:
    (directory / "lieux-2024.csv").write_bytes(content)
    store = ReleaseStore(home, directory)
    with pytest.raises(ReleaseError, match=message):
        store.load_release(store.find_release())


def test_a_damaged_table_of_accidents_is_named_when_its_days_are_asked_for(home: Path, directory: Path) -> None:
    (directory / "caract-2024.csv").write_bytes(b"")
    store = ReleaseStore(home, directory)
    with pytest.raises(ReleaseError, match=r"the release of 2024 cannot be read: .*caract-2024\.csv: is empty"):
        store.days_of(store.find_release())


def test_users_whose_place_is_in_no_file_are_set_aside_and_the_others_go_on(home: Path, directory: Path) -> None:
    users = (directory / "usagers-2024.csv").read_text()
    (directory / "lieux-2024.csv").write_bytes(generate_release(2024, accidents=12, seed=1)["lieux-2024.csv"])
    store = ReleaseStore(home, directory)
    loaded = store.load_release(store.find_release())
    assert loaded.counts.accidents == 12
    assert set(loaded.quarantine["rule"]) == {"its accident has no row in lieux"}
    assert loaded.rows["usagers"].rows_in == users.count("\n") - 1 == len(loaded.frame) + len(loaded.quarantine)


def test_files_of_two_years_do_not_fit_together(home: Path, directory: Path) -> None:
    (directory / "usagers-2024.csv").write_bytes(generate_release(2023, accidents=30, seed=1)["usagers-2023.csv"])
    store = ReleaseStore(home, directory)
    with pytest.raises(ReleaseError, match=r"not one of \d+ users can be kept; .*its accident has no row in caract"):
        store.load_release(store.find_release())


def test_a_release_without_a_readable_day_is_named(home: Path, directory: Path) -> None:
    path = directory / "caract-2024.csv"
    path.write_bytes(path.read_bytes().replace(b'"2024";', b'"2O24";'))
    store = ReleaseStore(home, directory)
    with pytest.raises(ReleaseError, match=r"caract-2024\.csv holds no readable accident of 2024"):
        store.days_of(store.find_release(2024))


def test_files_that_change_between_finding_and_reading_are_refused(home: Path, directory: Path) -> None:
    store = ReleaseStore(home, directory)
    release = store.find_release()
    with (directory / "lieux-2024.csv").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ReleaseError, match="changed while they were being read"):
        store.load_release(release)


def test_without_network_a_release_is_generated_once_and_says_what_it_is(offline: ReleaseStore, home: Path) -> None:
    release = offline.find_release()
    assert (release.source, release.data_label) == ("demonstration", DATA_DEMONSTRATION)
    assert all(path.parent == home / "releases-demo" / str(release.year) for path in release.files.values())
    assert offline.load_release(release).counts.accidents == 400
    assert offline.find_release() == release


def test_without_network_a_year_that_is_asked_for_is_generated(offline: ReleaseStore) -> None:
    assert offline.find_release(2021).year == 2021


def test_what_is_done_without_network_is_reported(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_store, "DEMONSTRATION_ACCIDENTS", 50)
    said: list[str] = []
    patience = Patience(connect_seconds=1, answer_seconds=2, first_pause_seconds=0.01)
    ReleaseStore(home, None, DataGouv(OFFLINE, patience), said.append).find_release()
    assert said[-1].startswith("no network (")
    assert said[-1].endswith(DATA_DEMONSTRATION)


def keep(home: Path, offline: ReleaseStore, year: int) -> Release:
    """Put a release where fetched ones are kept."""
    kept, aside = home / "releases", home / "aside"  # with fetched ones in place none would be generated
    kept.mkdir(parents=True, exist_ok=True)
    kept.rename(aside)
    offline.find_release(year)
    shutil.rmtree(kept, ignore_errors=True)
    aside.rename(kept)
    (home / "releases-demo" / str(year)).rename(kept / str(year))
    return offline.find_release(year)


def test_a_fetched_release_is_used_without_network(home: Path, offline: ReleaseStore) -> None:
    keep(home, offline, 2022)
    newest = keep(home, offline, 2023)
    assert newest.source == "fetched"
    assert offline.find_release() == newest


def test_official_years_are_not_mixed_with_generated_ones(home: Path, offline: ReleaseStore) -> None:
    keep(home, offline, 2023)
    with pytest.raises(ReleaseError, match=r"the release of 2021 is not here .* fetched are \[2023\]"):
        offline.find_release(2021)


def test_a_kept_file_that_was_altered_is_named(home: Path, offline: ReleaseStore) -> None:
    path = keep(home, offline, 2023).files["usagers"]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ReleaseError, match=r"usagers-2023\.csv is gone or is not what was kept"):
        offline.find_release()


def test_a_generation_that_was_interrupted_leaves_nothing_that_counts(home: Path, offline: ReleaseStore) -> None:
    partial = home / "releases-demo" / ".partial-2021"
    partial.mkdir(parents=True)
    (partial / "caract-2021.csv").write_bytes(b"half")
    release = offline.find_release(2021)
    assert offline.load_release(release).counts.accidents == 400
    record = json.loads((home / "releases-demo" / "2021" / "release.json").read_text())
    assert set(record["files"]) == set(TABLES)


def test_the_api_that_the_environment_names_is_the_one_that_is_asked(
    home: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROAD_DATA_GOUV_URL", OFFLINE)
    resource = build_resources(PlatformSettings(home=home, releases_dir=directory))["releases"]
    assert (resource.home, resource.releases_dir, resource.data_gouv_url) == (str(home), str(directory), OFFLINE)


def test_the_days_of_a_release_are_told(home: Path, tmp_path: Path) -> None:
    write_release(tmp_path / "mine", 2024, accidents=800)
    store = ReleaseStore(home, tmp_path / "mine")
    assert store.days_of(store.find_release()) == (date(2024, 1, 1), date(2024, 12, 31))


def test_the_resource_opens_the_store_it_is_configured_for(home: Path, directory: Path) -> None:
    resource = ReleasesResource(home=str(home), releases_dir=str(directory), data_gouv_url=OFFLINE)
    assert resource.store().find_release().files["lieux"] == directory / "lieux-2024.csv"


@pytest.mark.real_data
def test_the_provisional_release_of_2024_is_read_from_its_directory(home: Path) -> None:
    named = os.environ.get("ROAD_RELEASES_DIR")
    if not named:
        pytest.skip("ROAD_RELEASES_DIR is not set; it names the official files")
    store = ReleaseStore(home, Path(named))
    if 2024 not in find_files(Path(named)):
        pytest.skip("ROAD_RELEASES_DIR holds no release of 2024")
    release = store.find_release(2024)
    loaded = store.load_release(release)
    assert (loaded.counts.users, loaded.counts.accidents, loaded.counts.days) == (104_669, 45_551, 305)
    assert loaded.quarantine.empty
    assert {table: rows.kept for table, rows in loaded.rows.items()} == {
        "caracteristiques": 45_551,
        "lieux": 59_008,
        "vehicules": 77_719,
        "usagers": 104_669,
    }
    assert store.days_of(release) == (date(2024, 1, 1), date(2024, 10, 31))
