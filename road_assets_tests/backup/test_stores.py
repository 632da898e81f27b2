"""Which variables say where state is."""

import pytest

from road_assets.backup.stores import StoreSettings


def test_databases_are_named_by_the_variables_of_dagster_and_mlflow_and_by_no_shorter_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("MLFLOW", "DAGSTER"):
        monkeypatch.setenv(name, "postgresql://of@somebody/else")
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "postgresql+psycopg2://mlflow@db/mlflow")
    monkeypatch.delenv("DAGSTER_POSTGRES_URL", raising=False)
    settings = StoreSettings()
    assert settings.dagster is None
    assert settings.mlflow is not None
    assert settings.mlflow.get_secret_value() == "postgresql+psycopg2://mlflow@db/mlflow"
