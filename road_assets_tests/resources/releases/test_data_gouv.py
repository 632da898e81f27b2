"""Looking up and fetching releases, from a real HTTP server on this machine that misbehaves on demand."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from road_assets.core.vocabulary import TABLES
from road_assets.resources.releases.data_gouv import DATASET_ID, DataGouv
from road_assets.resources.releases.download import NoNetworkError, Patience
from road_assets.resources.releases.files import ReleaseError
from road_assets_tests.resources.releases.published_site import QUICK, Site, client_of, handler_of, only_file, store_of


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(site)) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield site
        server.shutdown()
        thread.join()


def test_the_newest_complete_year_comes_first_and_an_incomplete_one_is_left_out(site: Site) -> None:
    for year in (2022, 2023):
        site.publish(year)
    site.publish(2024, leave_out="usagers")
    releases = client_of(site).releases()
    assert list(releases) == [2023, 2022]
    assert set(releases[2023]) == set(TABLES)
    assert releases[2023]["lieux"].size == len(site.files["/files/1/lieux-2023.csv"])


def test_other_files_of_the_dataset_are_not_taken_for_tables(site: Site) -> None:
    site.publish(2024)
    for name in ("vehicules-immatricules-baac-2024.csv", "description-2024.pdf", "usagers.csv"):
        site.resources.append({"title": name, "url": f"{site.url}/files/{name}"})
    site.resources.append({"title": "usagers-2024.csv", "url": "ftp://127.0.0.1/usagers-2024.csv"})
    assert client_of(site).releases()[2024]["usagers"].url.endswith("/files/1/usagers-2024.csv")


def test_a_table_is_told_by_its_title_when_the_address_says_nothing(site: Site) -> None:
    site.publish(2024)
    for resource in site.resources:
        resource["url"] = f"{site.url}/r/5f2c"
        resource["title"] = resource["title"].removesuffix(".csv").replace("-", "_").upper()
    assert set(client_of(site).releases()[2024]) == set(TABLES)


def test_of_two_files_for_one_table_the_one_changed_last_counts(site: Site) -> None:
    site.publish(2024, seed=2)
    site.publish(2024, seed=1)
    assert {file.url.split("/")[-2] for file in client_of(site).releases()[2024].values()} == {"2"}


def test_a_dataset_with_a_new_id_is_found_by_its_title(site: Site) -> None:
    site.publish(2024)
    site.known_id = "0123456789"
    assert list(client_of(site).releases()) == [2024]


def test_a_dataset_that_is_gone_is_named(site: Site) -> None:
    site.known_id, site.title = "0123456789", "Autre chose"
    with pytest.raises(ReleaseError, match=f"knows neither the dataset {DATASET_ID} nor one titled"):
        client_of(site).releases()


def test_a_dataset_without_a_complete_year_is_named(site: Site) -> None:
    site.publish(2024, leave_out="lieux")
    with pytest.raises(ReleaseError, match="holds no year with all four tables"):
        client_of(site).releases()


def test_an_interface_that_fails_twice_is_asked_again(site: Site) -> None:
    site.publish(2024)
    site.api_failures = 2
    assert list(client_of(site).releases()) == [2024]


def test_an_interface_that_keeps_failing_counts_as_no_network(site: Site) -> None:
    site.api_failures = 100
    with pytest.raises(NoNetworkError, match="answered 503"):
        client_of(site).releases()


@pytest.mark.parametrize(
    ("answer", "message"),
    [(b"<html>log in</html>", "answered no JSON"), (b"[]", "where an object was expected"), (b"{}", "knows neither")],
)
def test_an_answer_that_is_not_the_interfaces_is_named(site: Site, answer: bytes, message: str) -> None:
    site.api_answer = answer
    with pytest.raises(ReleaseError, match=message):
        client_of(site).releases()


def test_a_dataset_described_without_files_is_named(site: Site) -> None:
    site.api_answer = b'{"title": "x"}'
    with pytest.raises(ReleaseError, match="describes the dataset without its files"):
        client_of(site).releases()


def test_a_connection_that_is_refused_is_no_network(unused_port: int) -> None:
    with pytest.raises(NoNetworkError, match="does not answer"):
        DataGouv(f"http://127.0.0.1:{unused_port}/api/1/", QUICK).releases()


def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        patience = Patience(read_seconds=30, answer_seconds=0.4)
        started = time.monotonic()
        with pytest.raises(NoNetworkError, match=r"did not answer within 0\.4 s"):
            DataGouv(f"http://127.0.0.1:{silent.getsockname()[1]}/", patience).releases()
        assert time.monotonic() - started < 3


def test_a_file_comes_as_published(site: Site, tmp_path: Path) -> None:
    site.publish(2024)
    content = site.files["/files/1/usagers-2024.csv"]
    digest = client_of(site).download(only_file(site), tmp_path / "usagers.csv")
    assert digest == hashlib.sha256(content).hexdigest()
    assert [path.name for path in tmp_path.iterdir()] == ["usagers.csv"]
    assert (tmp_path / "usagers.csv").read_bytes() == content


def test_a_download_that_breaks_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.publish(2024)
    file, site.break_after = only_file(site), [1000, 500]
    client_of(site).download(file, tmp_path / "usagers.csv")
    assert (tmp_path / "usagers.csv").read_bytes() == site.files["/files/1/usagers-2024.csv"]
    assert [wanted for path, wanted in site.requests if path.startswith("/files")] == [
        None,
        "bytes=1000-",
        "bytes=1500-",
    ]


def test_a_later_try_goes_on_with_what_came_before(site: Site, tmp_path: Path) -> None:
    site.publish(2024)
    file, site.break_after = only_file(site), [100] * QUICK.attempts
    with pytest.raises(NoNetworkError, match="broke off after 4 attempts"):
        client_of(site).download(file, tmp_path / "usagers.csv")
    assert (tmp_path / "usagers.csv.part").stat().st_size == 400
    client_of(site).download(file, tmp_path / "usagers.csv")
    assert site.requests[-1][1] == "bytes=400-"
    assert (tmp_path / "usagers.csv").read_bytes() == site.files["/files/1/usagers-2024.csv"]


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(site: Site, tmp_path: Path) -> None:
    site.publish(2024)
    site.break_after = [100] * QUICK.attempts
    with pytest.raises(NoNetworkError):
        client_of(site).download(only_file(site), tmp_path / "usagers.csv")
    site.resources.clear()
    site.files.clear()
    site.publish(2024, accidents=30)
    client_of(site).download(only_file(site), tmp_path / "usagers.csv")
    assert (tmp_path / "usagers.csv").read_bytes() == site.files["/files/1/usagers-2024.csv"]


def test_without_a_strong_tag_a_broken_download_starts_anew(site: Site, tmp_path: Path) -> None:
    site.publish(2024)
    site.strong_tags, site.break_after = False, [1000]
    client_of(site).download(only_file(site), tmp_path / "usagers.csv")
    assert [wanted for path, wanted in site.requests if path.startswith("/files")] == [None, None]
    assert (tmp_path / "usagers.csv").read_bytes() == site.files["/files/1/usagers-2024.csv"]


@pytest.mark.parametrize("extra", [b"", b"more than there is"])
def test_a_part_with_nothing_left_to_fetch_is_checked_all_the_same(site: Site, tmp_path: Path, extra: bytes) -> None:
    site.publish(2024)
    content = site.files["/files/1/usagers-2024.csv"]
    (tmp_path / "usagers.csv.part").write_bytes(content + extra)
    (tmp_path / "usagers.csv.part.etag").write_text(f'"{hashlib.sha256(content).hexdigest()}"')
    client_of(site).download(only_file(site), tmp_path / "usagers.csv")
    assert (tmp_path / "usagers.csv").read_bytes() == content


def test_a_wrong_size_is_named_and_nothing_is_kept(site: Site, tmp_path: Path) -> None:
    site.publish(2024)
    site.resources[-1]["filesize"] += 7
    size = len(site.files["/files/1/usagers-2024.csv"])
    with pytest.raises(ReleaseError, match=f"{size} bytes came, {size + 7} are published"):
        client_of(site).download(only_file(site), tmp_path / "usagers.csv")
    assert not list(tmp_path.iterdir())


def test_a_wrong_checksum_is_named_and_nothing_is_kept(site: Site, tmp_path: Path) -> None:
    site.publish(2024)
    site.resources[-1]["checksum"]["value"] = "0" * 40
    with pytest.raises(ReleaseError, match=r"its sha1 is .*, 0{40} is published"):
        client_of(site).download(only_file(site), tmp_path / "usagers.csv")
    assert not list(tmp_path.iterdir())


def test_a_complete_file_that_is_not_the_published_one_any_more_is_fetched_again(site: Site, tmp_path: Path) -> None:
    site.publish(2024)
    (tmp_path / "usagers.csv").write_bytes(b"of an earlier edition")
    client_of(site).download(only_file(site), tmp_path / "usagers.csv")
    assert (tmp_path / "usagers.csv").read_bytes() == site.files["/files/1/usagers-2024.csv"]


@pytest.mark.parametrize("missing", [{"filesize": None, "checksum": None}, {"checksum": {"type": "crc", "value": "1"}}])
def test_without_a_published_size_or_a_known_checksum_the_file_is_taken(
    site: Site, tmp_path: Path, missing: dict[str, Any]
) -> None:
    site.publish(2024)
    site.resources[-1].update(missing)
    client_of(site).download(only_file(site), tmp_path / "usagers.csv")
    assert (tmp_path / "usagers.csv").read_bytes() == site.files["/files/1/usagers-2024.csv"]


@pytest.mark.parametrize("status", [403, 404])
def test_a_refused_file_is_not_asked_for_again(site: Site, tmp_path: Path, status: int) -> None:
    site.publish(2024)
    site.file_status = status
    with pytest.raises(ReleaseError, match=f"answered {status} .*trying again will not help"):
        client_of(site).download(only_file(site), tmp_path / "usagers.csv")
    assert sum(path.startswith("/files") for path, _ in site.requests) == 1


def test_the_newest_release_is_fetched_kept_and_not_fetched_again(site: Site, tmp_path: Path) -> None:
    site.publish(2023)
    site.publish(2024, leave_out="lieux")
    store = store_of(site, tmp_path)
    release = store.find_release()
    assert (release.year, release.source) == (2023, "fetched")
    assert release.data_label.startswith("official data")
    assert store.load_release(release).counts.accidents == 20
    record = json.loads((tmp_path / "releases" / "2023" / "release.json").read_text())["files"]
    for table, path in release.files.items():
        assert record[table]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert record[table]["url"].startswith(site.url)
    asked = len(site.requests)
    assert store.find_release() == release
    assert len(site.requests) == asked


def test_an_interrupted_fetch_goes_on_later_with_the_files_it_lacks(site: Site, tmp_path: Path) -> None:
    site.publish(2024)
    site.break_after = [10**9, 10**9, *[50] * QUICK.attempts]  # the third file never comes
    interrupted = store_of(site, tmp_path).find_release()
    assert interrupted.source == "demonstration"
    site.break_after.clear()
    site.requests.clear()
    assert store_of(site, tmp_path).find_release().source == "fetched"
    fetched = [path.rsplit("/", 1)[-1] for path, _ in site.requests if path.startswith("/files")]
    assert fetched == ["vehicules-2024.csv", "usagers-2024.csv"]


def test_a_year_that_is_not_published_is_named(site: Site, tmp_path: Path) -> None:
    site.publish(2023)
    with pytest.raises(ReleaseError, match=r"no complete release of 2024; it has \[2023\]"):
        store_of(site, tmp_path).find_release(2024)


def test_a_server_that_serves_other_bytes_is_an_error_and_no_reason_to_generate(site: Site, tmp_path: Path) -> None:
    site.publish(2024)
    site.resources[0]["checksum"]["value"] = "0" * 40
    with pytest.raises(ReleaseError, match="is not the published file"):
        store_of(site, tmp_path).find_release()
    assert not (tmp_path / "releases-demo").exists()


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
