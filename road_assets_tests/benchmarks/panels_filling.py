"""Rows in the numbers that many years would bring, for the benchmark of the panels."""

from typing import Final, LiteralString

_DAYS: Final[LiteralString] = "generate_series(%(first)s::date, %(last)s::date, '1 day')"

TABLES_FILLING: Final[tuple[LiteralString, ...]] = (
    f"""INSERT INTO drift_scores (day, score, drifted_features, current_rows, reference_rows, model_version,
            reference_first_day, reference_last_day, data_source)
        SELECT day, random(), 3, 2400, 120000, 1, day, day, 'x' FROM {_DAYS} AS day""",
    f"""INSERT INTO drift_features (day, feature, distance, noise, drifted, kind)
        SELECT day, feature, random() / 5, 0.05, false, 'feature'
        FROM {_DAYS} AS day, unnest(%(features)s::text[]) AS feature""",
    f"""INSERT INTO drift_features (day, feature, distance, noise, drifted, kind)
        SELECT day, 'numeric ' || n, random() / 5, 0.05, false, 'numeric'
        FROM {_DAYS} AS day, generate_series(1, 8) AS n""",
    # A model each week.
    """INSERT INTO model_metrics
        SELECT row_number() OVER (), day, 'run', false, day, day, day, day, random(), 0.5, 0.1, 0.01, 0.85, 0.82, 0.6,
            0.7, 0.6, 0.6, 9000, 100, 900, 800, 10800, 0.17, 'x', day
        FROM generate_series(%(first)s::date, %(last)s::date, '7 days') AS day""",
    """UPDATE model_metrics SET in_production = true
        WHERE model_version = (SELECT max(model_version) FROM model_metrics)""",
    """INSERT INTO gate_verdicts (judged_at, as_of, challenger, champion, candidates, promote, figures, reasons)
        SELECT trained_at, as_of, model_version, 1, array[model_version], true, '{}', array['better']
        FROM model_metrics""",
    """INSERT INTO promotions (decided_at, as_of, decision, version, metric, figures, reasons, decided_by)
        SELECT trained_at, as_of, CASE WHEN model_version %% 4 = 0 THEN 'promoted' ELSE 'refused' END, model_version,
            'roc_auc', '{}', array['better'], 'benchmark' FROM model_metrics""",
    """INSERT INTO releases (release_year, content_hash, data_source, first_day, last_day, accidents, users,
            users_quarantined, new_days, changed_days, unchanged_days)
        SELECT extract(year FROM %(first)s::date) + n / 3, n::text, 'x', %(first)s, %(last)s, 1, 1, 0, 0, 0, 0
        FROM generate_series(0, 59) AS n""",
    # One row in a hundred accidents.
    """INSERT INTO quarantine (release_year, day, source_table, file, line, "column", rule, value)
        SELECT extract(year FROM %(first)s::date) + n %% 20, %(first)s, 'lieux', 'lieux.csv', n, 'catr',
            'rule ' || n %% 9, 'x' FROM generate_series(1, 11000) AS n""",
    f"""INSERT INTO run_failures (run_id, job, partition, step, message, reason, failed_at)
        SELECT day::text, 'daily_job', day::text, 'features', repeat('x', 2000), '', day FROM {_DAYS} AS day""",
)

_ASSETS: Final[LiteralString] = """unnest(array['raw_accidents', 'accidents_table', 'synthetic_mix', 'features',
    'drift_report', 'live_traffic_drift', 'baac_release']) AS asset"""

DAGSTER_FILLING: Final[tuple[LiteralString, ...]] = (
    # Each day is planned and written twice by each asset, and each run leaves some thirty other events.
    f"""INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
        SELECT day::text, repeat('x', 1500), kind, day, asset, '["' || asset || '"]', to_char(day, 'YYYY-MM-DD')
        FROM {_DAYS} AS day, {_ASSETS}, generate_series(1, 2),
            unnest(array['ASSET_MATERIALIZATION', 'ASSET_MATERIALIZATION_PLANNED']) AS kind""",
    f"""INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp)
        SELECT day::text, repeat('x', 500), 'STEP_START', day FROM {_DAYS} AS day, generate_series(1, 30)""",
    f"""INSERT INTO asset_keys (asset_key, last_materialization_timestamp)
        SELECT '["' || asset || '"]', %(last)s::timestamp FROM {_ASSETS}""",
    f"""INSERT INTO runs (run_id, pipeline_name, status, run_body, partition, create_timestamp, update_timestamp,
            start_time, end_time)
        SELECT day || job, job, 'SUCCESS', repeat('x', 3000), day::text, day, day, extract(epoch FROM day),
            extract(epoch FROM day) + 60 FROM {_DAYS} AS day, unnest(array['daily_job', 'training_job']) AS job""",
    """INSERT INTO run_tags (run_id, key, value)
        SELECT run_id, key, 'value' FROM runs,
            unnest(array['dagster/partition', 'road/reason', '.dagster/x', 'y']) AS key""",
    f"""INSERT INTO asset_check_executions (asset_key, check_name, partition, run_id, execution_status,
            evaluation_event, evaluation_event_timestamp, create_timestamp)
        SELECT '["' || asset || '"]', 'contract', to_char(day, 'YYYY-MM-DD'), day::text, 'SUCCEEDED', repeat('x', 500),
            day, day FROM {_DAYS} AS day, {_ASSETS}""",
)
