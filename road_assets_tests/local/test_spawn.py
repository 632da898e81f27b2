"""What a child process leaves in its log."""

from pathlib import Path

from road_assets.local.spawn import tail


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert "does not exist" in tail(log)
    log.write_text("\n".join(str(number) for number in range(100)))
    assert tail(log, 3) == "97\n98\n99"
