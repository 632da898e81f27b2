"""What assets read from and write to: releases, the lake of Parquet files, Postgres, MLflow, git and DVC."""
