"""A comment on every table and column that had none.

Revision: 0012, after 0011. Codes are those of the official codebook; the vocabulary has the words for those in use.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_RUN_FAILURES = "runs of Dagster that failed, each once; written by the sensor run_failures, removed when they are old"

_ACCIDENTS = {
    "jour": "day of the month",
    "mois": "month, 1 to 12",
    "an": "year, four digits",
    "hrmn": "local time of the accident, HH:MM",
    "lum": "code: light",
    "dep": "number of the département, as 01, 2A, 974",
    "com": "INSEE number of the commune",
    "agg": "code: inside or outside a built-up area",
    "int": "code: kind of intersection",
    "atm": "code: weather",
    "col": "code: kind of collision",
    "adr": "postal address, inside built-up areas",
    "gps": "origin of the position, before 2019",
    "lat": "latitude, degrees",
    "long": "longitude, degrees",
    "catr": "code: category of the road",
    "voie": "number of the road",
    "v1": "number that follows the road number, as in 2 bis",
    "v2": "letter that follows the road number",
    "circ": "code: one-way, two-way, separate carriageways or lanes in turn",
    "nbv": "number of lanes",
    "vosp": "code: reserved lane",
    "prof": "code: gradient of the road",
    "pr": "number of the reference point upstream",
    "pr1": "distance to the reference point, metres",
    "plan": "code: bend of the road",
    "lartpc": "width of the central reservation, metres",
    "larrout": "width of the carriageway, metres",
    "surf": "code: surface, dry or wet",
    "infra": "code: tunnel, bridge and other works",
    "situ": "code: place on the road, as carriageway or verge",
    "env1": "code: near a school, before 2019",
    "vma": "highest speed allowed, km/h",
    "id_vehicule": "official id of the vehicle",
    "num_veh": "letter and number of the vehicle within the accident",
    "senc": "code: direction in which the road is numbered",
    "catv": "code: category of the vehicle",
    "obs": "code: fixed obstacle hit",
    "obsm": "code: moving obstacle hit",
    "choc": "code: first point of impact",
    "manv": "code: manoeuvre before the accident",
    "motor": "code: kind of engine",
    "occutc": "number of passengers in public transport",
    "id_usager": "official id of the user, since 2021",
    "place": "code: seat, or 10 for a pedestrian",
    "catu": "code: driver, passenger or pedestrian",
    "grav": "code: 1 unhurt, 2 killed, 3 hospitalised, 4 slightly hurt",
    "sexe": "code: sex",
    "an_nais": "year of birth",
    "trajet": "code: purpose of the trip",
    "secu": "code: safety equipment and its use, before 2019",
    "secu1": "code: first safety equipment, since 2019",
    "secu2": "code: second safety equipment, since 2019",
    "secu3": "code: third safety equipment, since 2019",
    "locp": "code: where a pedestrian was",
    "actp": "code: what a pedestrian did",
    "etatp": "code: a pedestrian alone, with others or in a group",
}

_MODEL_METRICS = {
    "mlflow_run_id": "run that trained it",
    "training_first_day": "first day of the rows that it learned from",
    "training_last_day": "last day of the rows that it learned from",
    "evaluation_first_day": "first day of the real users whom it is judged on",
    "evaluation_last_day": "last day of the real users whom it is judged on",
    "roc_auc": "area under the ROC curve, 0.5 is guessing; decides about promotion",
    "average_precision": "area under the curve of precision and recall",
    "brier": "mean squared error of the probabilities",
    "calibration_error": "mean distance between probabilities and the shares that came true",
    "accuracy": "share of right answers at the model's threshold",
    "constant_accuracy": "accuracy of always giving the more frequent answer",
    "balanced_accuracy": "mean of the recall of both classes",
    "precision_macro": "mean of the precision of both classes",
    "recall_macro": "mean of the recall of both classes",
    "f1_macro": "mean of the F1 of both classes",
    "true_negatives": "users rightly called not severe",
    "false_positives": "users wrongly called severe",
    "false_negatives": "severely hurt users who were missed",
    "true_positives": "severely hurt users who were found",
    "rows": "users whom it is judged on",
    "severe_share": "share of them who are severely hurt",
    "data_source": "official data, or demonstration data",
    "trained_at": "when it was trained",
}

_OTHERS = {
    "accident_figures": {"accidents": "number of accidents", "users": "users of these accidents"},
    "accident_squares": {"accidents": "number of accidents", "users": "users of these accidents"},
    "champion": {"version": "in the model registry", "since": "when it was decided"},
    "drift_features": {
        "day": "last day of the trailing window",
        "feature": "name of the feature, or of what else is compared",
        "drifted": "whether the distance is above threshold and noise",
    },
    "drift_scores": {
        "day": "last day of the trailing window",
        "drifted_features": "how many of the 13 features drifted",
        "current_rows": "real users in the window",
        "reference_rows": "real users in the model's training window",
        "reference_first_day": "first day of the model's training window",
        "reference_last_day": "last day of the model's training window",
        "data_source": "official data, or demonstration data",
    },
    "gate_verdicts": {
        "id": "in the order of judging",
        "judged_at": "when it was judged",
        "promote": "whether the challenger may take over",
        "reasons": "in sentences",
        "dagster_run_id": "run that judged",
    },
    "live_traffic_features": {
        "day": "last day of the trailing window, in France",
        "feature": "one of the 13",
        "drifted": "whether the distance is above threshold and noise",
    },
    "live_traffic_scores": {
        "drifted_features": "how many of the 13 features drifted",
        "reference_rows": "real users in the model's training window",
    },
    "noise_settings": {"id": "in the order of setting", "since": "when it was set"},
    "predictions": {"answered_at": "when the service answered"},
    "promotions": {
        "id": "in the order of deciding",
        "decided_at": "when it was decided",
        "decision": "promoted, refused, rolled back, or found in the registry",
        "family": "kind of model, as forest or boosting",
        "reasons": "in sentences",
        "dagster_run_id": "run that decided, if it was one",
    },
    "releases": {"id": "in the order of reading", "accidents": "accidents kept"},
    "run_failures": {
        "job": "name of the job",
        "message": "error of the step, or of the run",
        "failed_at": "when the run ended",
    },
    "users": {
        "username": "name to log in with",
        "created_at": "when the user was added",
        "password_set_at": "when the password was last set",
    },
}


def upgrade() -> None:
    """Write the comments."""
    op.create_table_comment("run_failures", _RUN_FAILURES)
    for table, columns in {"accidents": _ACCIDENTS, "model_metrics": _MODEL_METRICS, **_OTHERS}.items():
        for column, comment in columns.items():
            words = comment.replace("'", "''")
            op.execute(f"COMMENT ON COLUMN {table}.\"{column}\" IS '{words}'")
