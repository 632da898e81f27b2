"""The schema of a bundle's ``manifest.json``: all facts about a model that its card, the gate and later readers need.

Bundles are packed and checked in ``bundle``.
"""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Interval = tuple[float, float]
"""Lower and upper end, 95 %."""


class Window(BaseModel):
    """First and last day, both included."""

    model_config = ConfigDict(frozen=True)

    first_day: date
    last_day: date


class InputField(BaseModel):
    """One column of the model's input, as a caller has to provide it.

    Attributes:
        name: official column name.
        optional: false for the 13 features, true for the scene fields, which a caller may leave out.
        codes: allowed codes with their English labels, None for a number.
        low: smallest allowed number, None for a code.
        high: greatest allowed number, None for a code.
        unit: of the number, None for a code.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    optional: bool
    codes: dict[int, str] | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None


class SliceFigures(BaseModel):
    """Figures of the model for one group of users, on the evaluation rows.

    Attributes:
        field: what the rows are grouped by, as ``catu`` or ``departement``.
        value: the group, in words.
        rows: users in it.
        severe_share: observed share of severe injuries.
        roc_auc: None where the group holds one class only.
        roc_auc_low: lower end of its 95 % interval, from resampling accidents.
        roc_auc_high: upper end.
        calibration_error: expected calibration error, None where the rows are too few to tell.
    """

    model_config = ConfigDict(frozen=True)

    field: str
    value: str
    rows: int
    severe_share: float
    roc_auc: float | None = None
    roc_auc_low: float | None = None
    roc_auc_high: float | None = None
    calibration_error: float | None = None


class Facts(BaseModel):
    """Facts about a model when its bundle is made.

    Attributes:
        model_name: name in the registry.
        family: which kind of model it is, as ``ROAD_CANDIDATES`` names it.
        parameters: of the fit, under scikit-learn's names.
        features: input columns in order, one of ``input_columns.INPUTS``, or fewer in a model of an earlier version.
        inputs: the same columns with their allowed values.
        threshold: a probability at or above it is answered as severe.
        data: where the accidents come from; shown wherever results are shown.
        data_versions: content hash by release that the rows were made from.
        training_window: days the model was trained on.
        evaluation_window: later days it was evaluated on.
        metrics: figures measured on the real rows of the evaluation window.
        metrics_features_only: the same figures on the same rows with the optional fields unknown.
        intervals: 95 % intervals of some of them, from resampling accidents.
        slices: figures per group of users.
        code_version: of this project.
        libraries: versions that trained and exported the model.
        created_at: moment of export, with time zone.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model_name: str
    family: str = "forest"  # the only one there was before manifests named it
    parameters: dict[str, int | float | str] = {}
    features: tuple[str, ...]
    inputs: tuple[InputField, ...] = ()
    threshold: float
    data: str
    data_versions: dict[str, str] = {}
    training_window: Window
    evaluation_window: Window
    metrics: dict[str, float]
    metrics_features_only: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    slices: tuple[SliceFigures, ...] = ()
    code_version: str
    libraries: dict[str, str]
    created_at: datetime


class Manifest(Facts):
    """The facts, the bundle's format, and the SHA-256 of every other file of the bundle."""

    format: Literal[1] = 1
    sha256: dict[str, str]
