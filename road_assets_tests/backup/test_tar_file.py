"""The file of a backup: whole or not there, and every damage found."""

import io
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from road_assets.backup.errors import BackupError
from road_assets.backup.manifest import Manifest
from road_assets.backup.restore import check_backup
from road_assets.backup.tar_file import BackupWriter, members, read_manifest, writing

CONTENT = b"rows of a day" * 1000


def manifest_of(writer: BackupWriter) -> Manifest:
    return Manifest(
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        versions={},
        databases={},
        folders=["home/lake"],
        left_out=[],
        with_secrets=False,
        champion=None,
        files=writer.entries,
    )


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A small one, with one file."""
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    target = tmp_path / "backup.tar"
    with writing(target) as writer, source.open("rb") as file:
        writer.add_directory("home/lake", tmp_path.stat())
        writer.add_file("home/lake/day", file)
        writer.add_manifest(manifest_of(writer))
    return target


def test_what_goes_in_comes_out(backup: Path) -> None:
    found = {name: content and content.read() for name, _, content in members(backup, read_manifest(backup))}
    assert found == {"home/lake": None, "home/lake/day": CONTENT}


def test_only_its_owner_may_read_it(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600


def test_a_plain_tar_reads_it(backup: Path) -> None:
    with tarfile.open(backup) as tar:
        assert tar.getnames() == ["home/lake", "home/lake/day", "manifest.json"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_one_that_was_cut_off_is_no_backup(backup: Path, share: float) -> None:
    whole = backup.read_bytes()
    end = whole.index(b"manifest.json")
    backup.write_bytes(whole[: int(end * share)])
    with pytest.raises(BackupError, match="no whole backup"):
        read_manifest(backup)


def test_a_changed_byte_is_found(backup: Path) -> None:
    content = bytearray(backup.read_bytes())
    content[content.index(b"rows of a day") + 5000] ^= 1
    backup.write_bytes(content)
    with pytest.raises(BackupError, match=r"home/lake/day in .* is damaged"):
        check_backup(backup)


def test_a_file_that_the_manifest_does_not_know_is_refused(backup: Path) -> None:
    _add(backup, "home/lake/other")
    with pytest.raises(BackupError, match="'home/lake/other', of which its manifest knows nothing"):
        check_backup(backup)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "home/../../outside"])
def test_a_name_that_leads_outside_is_refused(backup: Path, name: str) -> None:
    _add(backup, name)
    with pytest.raises(BackupError, match="leads outside"):
        check_backup(backup)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "backup.tar"
    source.write_bytes(CONTENT)
    with writing(target) as writer, source.open("rb") as file:
        writer.add_file("home/lake/day", file)
        whole = manifest_of(writer)
    other = tmp_path / "other.tar"
    with writing(other) as writer:
        writer.add_manifest(whole)
    with pytest.raises(BackupError, match="lacks home/lake/day"):
        check_backup(other)


def test_what_is_no_tar_at_all_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all")
    with pytest.raises(BackupError, match="no whole backup"):
        read_manifest(tmp_path / "letter.txt")


def test_nothing_is_overwritten(backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(BackupError, match="is not overwritten"), writing(backup):
        pass
    assert backup.read_bytes() == before


def test_one_that_was_made_meanwhile_stays(tmp_path: Path) -> None:
    target = tmp_path / "backup.tar"
    with pytest.raises(BackupError, match="was made meanwhile"), writing(target):
        target.write_text("another's")
    assert target.read_text() == "another's"
    assert [path.name for path in tmp_path.iterdir()] == ["backup.tar"]


def test_who_could_not_write_where_is_told(tmp_path: Path) -> None:
    wanted = rf"nowhere cannot be written to by user {os.getuid()}, who makes the backup: No such file"
    with pytest.raises(BackupError, match=wanted), writing(tmp_path / "nowhere" / "backup.tar"):
        pytest.fail("it was begun")


def test_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with writing(tmp_path / "backup.tar"):
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_grows_while_it_is_read_is_taken_as_it_was(tmp_path: Path) -> None:
    source, target = tmp_path / "log", tmp_path / "backup.tar"
    source.write_bytes(b"a" * 100)
    with writing(target) as writer, source.open("rb") as file:
        with source.open("ab") as more:
            more.write(b"b" * 100)
        writer.add_file("home/log", file)
        with source.open("ab") as more:
            more.write(b"c" * 100)
        writer.add_manifest(manifest_of(writer))
    assert check_backup(target).files["home/log"].size == 200


def _add(backup: Path, name: str) -> None:
    with tarfile.open(backup, mode="a") as tar:
        member = tarfile.TarInfo(name)
        member.size = 3
        tar.addfile(member, io.BytesIO(b"new"))
