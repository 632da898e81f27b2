"""The noise setting in a real Postgres."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from road_assets.core.noise_setting import NoiseSetting
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import Database
from road_assets.resources.runtime_settings import RuntimeSettingError, read_noise, set_noise

INSERT = "INSERT INTO noise_settings (noise, set_by) VALUES (%s, %s)"


def history(database: Database) -> list[tuple[float, str]]:
    with database.connect() as connection:
        return connection.execute("SELECT noise, set_by FROM noise_settings ORDER BY id").fetchall()


def test_there_is_no_noise_until_somebody_sets_it(database: Database) -> None:
    assert read_noise(database) == NoiseSetting(0.0)
    assert str(read_noise(database)) == "noise 0 (never set)"


def test_what_was_set_last_is_in_force_and_tells_since_when_and_by_whom(database: Database) -> None:
    set_noise(database, 0.3, by="ann")
    setting = set_noise(database, 0.8, by="bob (road noise)")
    assert read_noise(database) == setting
    assert (setting.noise, setting.set_by) == (0.8, "bob (road noise)")
    assert setting.since is not None
    assert abs(datetime.now(UTC) - setting.since) < timedelta(minutes=1)
    assert str(setting) == f"noise 0.8 (set {setting.since:%Y-%m-%d %H:%M:%S} UTC by bob (road noise))"


def test_earlier_values_stay(database: Database) -> None:
    for value in (0.8, 0, 1):
        set_noise(database, value, by="ann")
    assert history(database) == [(0.8, "ann"), (0.0, "ann"), (1.0, "ann")]


@pytest.mark.parametrize("value", [-0.1, 1.01, float("nan"), float("inf")])
def test_a_value_out_of_range_changes_nothing_here_nor_past_this_module(database: Database, value: float) -> None:
    set_noise(database, 0.5, by="ann")
    with pytest.raises(RuntimeSettingError, match=r"noise must be a number from 0 to 1, not .*; nothing was changed"):
        set_noise(database, value, by="ann")
    with pytest.raises(psycopg.errors.CheckViolation), database.connect() as connection:
        connection.execute(INSERT, (value, "ann"))
    assert history(database) == [(0.5, "ann")]


def test_nobody_sets_it_without_a_name(database: Database) -> None:
    with pytest.raises(RuntimeSettingError, match="who sets it"):
        set_noise(database, 0.5, by="")
    with pytest.raises(psycopg.errors.CheckViolation), database.connect() as connection:
        connection.execute(INSERT, (0.5, ""))


@pytest.mark.parametrize("use", [read_noise, lambda database: set_noise(database, 0.5, by="ann")])
def test_tables_of_an_older_version_are_said_to_be_so(
    postgres: EmbeddedPostgres, use: Callable[[Database], NoiseSetting]
) -> None:
    with pytest.raises(RuntimeSettingError, match="start the platform again"):
        use(Database(url=postgres.url("postgres")))
