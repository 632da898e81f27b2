import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from road_assets.cli import main
from road_assets.server.make_secrets import make_secrets
from road_assets.server.roles import ROLES


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_every_secret_is_long_random_and_different(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    values = [(tmp_path / name).read_text() for name in made]
    assert len(made) == len(ROLES) + 5
    assert len(set(values)) == len(values)
    assert all(len(value) >= 43 for value in values)


def test_a_part_finds_only_what_it_needs(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    found = files(tmp_path)
    passwords = {role: found[f"provision/{role}"] for role in (*ROLES, "postgres")}

    def roles_known_to(part: str) -> set[str]:
        texts = [text for name, text in found.items() if name.startswith(f"{part}/")]
        return {role for role, password in passwords.items() if any(password in text for text in texts)}

    assert roles_known_to("service") == {"service"}
    assert roles_known_to("pipeline") == {"pipeline", "dagster"}
    assert roles_known_to("dagster") == {"dagster"}
    assert roles_known_to("mlflow") == {"mlflow"}
    assert roles_known_to("backup") == {"pipeline", "dagster", "mlflow"}
    assert roles_known_to("grafana") == {"grafana"}
    assert roles_known_to("exporter") == {"exporter"}
    assert roles_known_to("postgres") == {"postgres"}
    assert roles_known_to("alertmanager") == roles_known_to("proxy") == set()
    assert found["alertmanager/alert_token"] == found["service/road_api_alert_token"]


def test_twice_changes_nothing_and_ones_own_secret_stays(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "road_api_jwt_secret").write_text("my own")
    made = make_secrets(tmp_path)
    before = files(tmp_path)
    assert "service/road_api_jwt_secret" not in made
    assert make_secrets(tmp_path) == []
    assert files(tmp_path) == before
    assert before["service/road_api_jwt_secret"] == "my own"


def test_a_password_of_ones_own_may_hold_any_character(tmp_path: Path) -> None:
    (tmp_path / "provision").mkdir()
    (tmp_path / "provision" / "mlflow").write_text("a:b\\c@d/e%f")
    make_secrets(tmp_path)
    assert files(tmp_path)["mlflow/pgpass"] == "*:*:*:mlflow:a\\:b\\\\c@d/e%f\n"


def test_libpq_takes_the_password_files_and_nobody_may_write(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode & 0o222 == 0
            assert path.name != "pgpass" or mode == 0o400


def test_the_command_names_what_it_made_and_never_the_values(tmp_path: Path) -> None:
    first = CliRunner().invoke(main, ["make-secrets", str(tmp_path)])
    again = CliRunner().invoke(main, ["make-secrets", str(tmp_path)])
    assert "service/road_api_jwt_secret" in first.output
    assert not any(text.strip() in first.output for text in files(tmp_path).values())
    assert "nothing was changed" in again.output


@pytest.mark.parametrize("command", ["provision"])
def test_a_command_without_its_settings_names_them(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROAD_ADMIN_DATABASE_URL", raising=False)
    answer = CliRunner().invoke(main, [command])
    assert answer.exit_code == 1
    assert "ROAD_ADMIN_DATABASE_URL" in answer.output
