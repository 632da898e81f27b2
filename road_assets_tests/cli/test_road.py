import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from road_assets.cli import main
from road_assets.local.control import down
from road_assets.local.platform import make_site
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.postgres_files import outside_directory
from road_assets.local.state import PlatformState, ProcessId
from road_assets.settings import PlatformSettings, PortSettings


@pytest.fixture
def home(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    clean_environment.setenv("ROAD_HOME", str(home))
    return home


@pytest.fixture
def living(home: Path) -> Iterator[ProcessId]:
    """A process that stands for the supervisor of a running platform; TERM ends it."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)  # noqa: S607
    home.mkdir()
    PlatformState(
        supervisor=ProcessId.of(process.pid),
        services={"api": ProcessId.of(process.pid)},
        addresses={"api": "http://127.0.0.1:1", "dagster": "http://127.0.0.1:1", "mlflow": "http://127.0.0.1:1"},
        postgres_port=4711,
        demo=True,
    ).save(home)
    yield ProcessId.of(process.pid)
    process.kill()
    process.wait()


def road(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_an_empty_home_has_nothing_to_show_to_stop_or_to_delete(home: Path) -> None:
    assert "no platform is running" in road("status").output
    assert "no platform is running" in road("down").output
    assert "nothing to delete" in road("clean").output
    assert not home.exists()


def test_status_for_programs_names_addresses_even_when_nothing_runs(home: Path) -> None:
    facts = json.loads(road("status", "--json").output)
    assert facts == {
        "running": False,
        "ready": False,
        "addresses": {
            "api": "http://127.0.0.1:8000",
            "dagster": "http://127.0.0.1:8080",
            "mlflow": "http://127.0.0.1:5000",
        },
        "postgres_url": None,
        "mlflow_uri": "http://127.0.0.1:5000",
        "production_version": None,
        "demo": False,
        "home": str(home),
        "services": {},
    }
    assert not home.exists()


def test_status_shows_what_runs(living: ProcessId) -> None:
    lines = road("status").output.splitlines()
    assert "starting, or at work on the main job, demonstration; model in production: none yet" in lines[0]
    assert lines[1].split() == ["api", "up", "pid", str(living.pid), "http://127.0.0.1:1"]
    facts = json.loads(road("status", "--json").output)
    assert facts["services"] == {"api": {"pid": living.pid, "up": True}}
    assert facts["postgres_url"].endswith("@127.0.0.1:4711/road")


def test_down_ends_the_supervisor_and_waits_for_it(home: Path, living: ProcessId) -> None:
    assert road("down").output == f"stopped the platform in {home}\n"
    assert not living.alive()


def test_down_gives_up_with_advice_when_the_supervisor_does_not_end(
    home: Path, living: ProcessId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("road_assets.local.control.DOWN_SECONDS", 0.2)
    os.kill(living.pid, signal.SIGSTOP)  # TERM waits
    result = road("down")
    assert result.exit_code == 1
    assert f"kill -9 {living.pid}" in result.output
    assert home.exists()


def test_down_stops_what_a_killed_platform_left(home: Path, living: ProcessId) -> None:
    state = PlatformState(supervisor=ProcessId(pid=2**22 - 1, created=1), services={"api": living}, postgres_port=1)
    state.save(home)
    assert down(make_site(PlatformSettings(), PortSettings())) == "stopped what was left over: api"
    assert not living.alive()


def test_clean_refuses_while_the_platform_runs(home: Path, living: ProcessId) -> None:
    result = road("clean", "--yes")
    assert result.exit_code == 1
    assert "stop it first" in result.output
    assert living.alive()
    assert home.exists()


def test_clean_asks_and_then_deletes_also_what_stands_outside(home: Path) -> None:
    server = EmbeddedPostgres(home)
    server.start()
    server.stop()
    assert CliRunner().invoke(main, ["clean"], input="n\n").exit_code == 1
    assert home.exists()
    assert road("clean", "--yes").output == f"deleted {home}\n"
    assert not home.exists()
    assert not outside_directory(home).exists()


def test_nothing_starts_with_defaults_outside_a_demonstration(home: Path) -> None:
    result = road("up")
    assert result.exit_code == 1
    assert "ROAD_API_JWT_SECRET is not set" in result.output
    assert not home.exists()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ROAD_API_PORT", "99999", "ROAD_API_PORT: "),
        ("ROAD_GATE_SLICE_MARGIN", "-1", "ROAD_GATE_SLICE_MARGIN: "),
        ("ROAD_CANDIDATES", "oracle", "ROAD_CANDIDATES: "),
        ("ROAD_DRIFT_WINDOW_DAYS", "0", "ROAD_DRIFT_WINDOW_DAYS: "),
        ("ROAD_DRIFT_WARN_ABOVE", "0.9", "Value error, ROAD_DRIFT_WARN_ABOVE=0.9 is above ROAD_DRIFT_RETRAIN_ABOVE="),
        ("ROAD_RETENTION_RUN_DAYS", "0", "ROAD_RETENTION_RUN_DAYS: "),
        ("ROAD_ARCHIVE_REPOSITORY", "https://ann:hidden@host/models.git", "ROAD_ARCHIVE_REPOSITORY: "),
        ("MLFLOW_TRACKING_URI", "http://ann:hidden@host", "MLFLOW_TRACKING_URI: "),
    ],
)
def test_a_wrong_setting_is_named_before_anything_starts_without_a_stack_trace_or_a_secret(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = road("status")
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {said}")
    assert "hidden" not in result.output
    assert not home.exists()


def test_a_backfill_asks_the_dagster_that_the_environment_names(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("road_assets.local.dagster_client.PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("ROAD_DAGSTER_URL", "http://127.0.0.1:9")
    assert "Dagster at http://127.0.0.1:9 cannot be reached" in road("backfill", "2024-01-01", "2024-01-31").output
    monkeypatch.setenv("ROAD_DAGSTER_URL", "http://ann:hidden@127.0.0.1:9")
    refused = road("backfill", "2024-01-01", "2024-01-31")
    assert (refused.exit_code, "ROAD_DAGSTER_URL: " in refused.output, "hidden" in refused.output) == (1, True, False)
    assert not home.exists()


def test_noise_is_shown_set_and_reset_on_the_tables_that_the_environment_names(
    home: Path, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROAD_DATABASE_URL", postgres.url("road"))
    monkeypatch.setenv("LOGNAME", "ann")
    assert road("noise").output.startswith("noise 0 (never set). It applies to partitions materialized from now on")
    said = road("noise", "0.8").output
    assert re.match(r"noise 0\.8 \(set \d{4}-\d\d-\d\d .* UTC by ann \(road noise\)\)\. ", said)
    assert "`road noise 0` ends the rehearsal" in said
    assert road("noise").output == said
    reset = road("noise", "0").output
    assert reset.startswith("noise 0 (set ")
    assert "ends the rehearsal" not in reset
    assert not home.exists()
    forget_noise(postgres.url("road"))


def test_noise_finds_the_tables_of_the_running_platform(living: ProcessId, postgres: EmbeddedPostgres) -> None:
    home = Path(os.environ["ROAD_HOME"])
    shutil.copytree(postgres.home / "secrets", home / "secrets")
    state = PlatformState(supervisor=living, postgres_port=postgres.port)
    state.save(home)
    assert road("noise", "0.25").output.startswith("noise 0.25 (set ")
    forget_noise(postgres.url("road"))


@pytest.mark.parametrize("value", ["1.5", "-0.5", "nan", "much"])
def test_a_noise_out_of_range_is_refused_and_changes_nothing(
    home: Path, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ROAD_DATABASE_URL", postgres.url("road"))
    result = road("noise", value)
    assert result.exit_code != 0
    assert value in result.output
    assert "Traceback" not in result.output
    assert road("noise").output.startswith("noise 0 (never set)")
    assert not home.exists()


def test_noise_without_a_running_platform_says_what_to_do(home: Path) -> None:
    result = road("noise", "0.8")
    assert result.exit_code == 1
    assert f"no platform is running in {home}" in result.output
    assert "`make up` starts one" in result.output
    assert "ROAD_DATABASE_URL" in result.output


def forget_noise(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE noise_settings")


def test_postgres_that_does_not_answer_is_named_without_its_password(home: Path, living: ProcessId) -> None:
    assert living.alive()
    result = road("noise")
    assert result.exit_code == 1
    assert "Error: the platform's tables cannot be reached: " in result.output
    assert "4711" in result.output
    password = EmbeddedPostgres(home).url("road").split(":")[2].split("@")[0]
    assert password not in result.output
