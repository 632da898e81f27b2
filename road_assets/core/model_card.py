"""Model cards: purpose, figures and limits of a model, written from its manifest alone.

After Mitchell et al., "Model Cards for Model Reporting" (2019). The text is in ``templates``, one per language; the
tables are made here. The HTML page is rendered from the Markdown; it loads no other file and has no script.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markdown_it import MarkdownIt

from road_assets.core.manifest import Manifest, SliceFigures
from road_assets.core.model_card_labels import (
    FAMILIES,
    FIGURES,
    LANGUAGES,
    PLOTS,
    SLICE_FIELDS,
    Label,
    Language,
    card_file,
)
from road_assets.core.scene_fields import SCENE_FIELDS, SceneField
from road_assets.core.vocabulary import DATA_IN_FRENCH, FEATURES, Code, Feature

_INPUTS: Final[dict[str, Feature | SceneField]] = {
    **{feature.name: feature for feature in FEATURES},
    **{field.name: field for field in SCENE_FIELDS},
}
_SPECIAL: Final = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>|#"})
_NONE: Final = "–"
_UNKNOWN: Final = (None, None)


def write_card(manifest: Manifest, version: str, plots: Mapping[str, bytes]) -> dict[str, bytes]:
    """Write the card of a model in every language.

    Args:
        manifest: of its bundle; facts that an old manifest lacks are left out.
        version: in the registry.
        plots: PNG files by the name they were logged under, as ``ROC``.

    Returns:
        File name to content: Markdown and HTML for each language, pictures inlined.
    """
    files = {}
    for language in LANGUAGES:
        text = card_markdown(manifest, version, plots, language)
        files[card_file(language, "md")] = text.encode()
        files[card_file(language, "html")] = _to_html(text, manifest, version, language).encode()
    return files


def card_markdown(manifest: Manifest, version: str, plots: Mapping[str, bytes], language: Language) -> str:
    """Write the card as Markdown, in one language.

    Args:
        manifest: of the bundle.
        version: in the registry.
        plots: PNG files by name; those without a caption of their own are shown under their name.
        language: of the text.
    """
    metrics = manifest.metrics
    return (
        _environment()
        .get_template(f"model_card.{language}.md.j2")
        .render(
            manifest=manifest,
            version=version,
            family=_words(FAMILIES, manifest.family, language),
            data=DATA_IN_FRENCH.get(manifest.data, manifest.data) if language == "fr" else manifest.data,
            required=_inputs(manifest, language, optional=False),
            optional=_inputs(manifest, language, optional=True),
            figures=_figures(manifest, language),
            slices=[_slice(figures, language) for figures in manifest.slices],
            counts={name: _count(metrics[name], language) for name in _COUNTS if name in metrics},
            severe_share=_number(metrics.get("severe_share"), language),
            threshold=_number(manifest.threshold, language),
            cost=_number((1 - manifest.threshold) / manifest.threshold, language, digits=2)
            if manifest.threshold
            else None,
            plots=_plots(plots, language),
        )
    )


_COUNTS: Final = ("rows", "true_positives", "false_positives", "true_negatives", "false_negatives")


def constant_figures(metrics: Mapping[str, float]) -> dict[str, float]:
    """Figures of a constant answer: the more frequent class, with the share of severe cases as probability.

    Args:
        metrics: of a model, with ``constant_accuracy`` and ``severe_share``.

    Returns:
        Figures under the same names; empty if one of the two is not known.
    """
    if not {"constant_accuracy", "severe_share"} <= metrics.keys():
        return {}
    share, right = metrics["severe_share"], metrics["constant_accuracy"]
    return {
        "roc_auc": 0.5,
        "average_precision": share,
        "brier": share * (1 - share),
        "accuracy": right,
        "balanced_accuracy": 0.5,
        "precision_macro": right / 2,
        "recall_macro": 0.5,
        "f1_macro": right / (1 + right),
    }


def _figures(manifest: Manifest, language: Language) -> list[dict[str, str]]:
    constant = constant_figures(manifest.metrics)
    return [
        {
            "label": words.to(language),
            "value": _number(manifest.metrics[name], language),
            "interval": _interval(manifest.intervals.get(name, _UNKNOWN), language),
            "constant": _number(constant.get(name), language),
        }
        for name, words in FIGURES.items()
        if name in manifest.metrics
    ]


def _inputs(manifest: Manifest, language: Language, *, optional: bool) -> list[dict[str, str]]:
    required = {feature.name for feature in FEATURES}
    fields = [_INPUTS[name] for name in manifest.features if name in _INPUTS and (name not in required) is optional]
    return [
        {"name": field.name, "label": getattr(field, language), "codes": _escape(field.describe_codes(language))}
        for field in fields
    ]


def _slice(figures: SliceFigures, language: Language) -> dict[str, str]:
    field = _INPUTS.get(figures.field)
    label = getattr(field, language) if field else _words(SLICE_FIELDS, figures.field, language)
    return {
        "field": _escape(label),
        "value": _escape(_code_label(field.codes if field else (), figures.value, language)),
        "rows": _count(figures.rows, language),
        "severe_share": _number(figures.severe_share, language),
        "roc_auc": _number(figures.roc_auc, language),
        "interval": _interval((figures.roc_auc_low, figures.roc_auc_high), language),
        "calibration_error": _number(figures.calibration_error, language),
    }


def _code_label(codes: tuple[Code, ...], value: str, language: Language) -> str:
    """A group is named by its code or by the English label of it."""
    return next((getattr(code, language) for code in codes if value in {str(code.value), code.en}), value)


def _plots(plots: Mapping[str, bytes], language: Language) -> list[dict[str, str]]:
    known = [name for name in PLOTS if name in plots]
    return [
        {
            "caption": _escape(_words(PLOTS, name, language)),
            "source": f"data:image/png;base64,{base64.b64encode(plots[name]).decode()}",
        }
        for name in (*known, *sorted(plots.keys() - PLOTS.keys()))
    ]


def _words(known: Mapping[str, Label], name: str, language: Language) -> str:
    return known[name].to(language) if name in known else name.replace("_", " ")


def _number(value: float | None, language: Language, *, digits: int = 4) -> str:
    if value is None:
        return _NONE
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if language == "fr" else text


def _count(value: float, language: Language) -> str:
    text = f"{round(value):,}"
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}") if language == "fr" else text


def _interval(ends: tuple[float | None, float | None], language: Language) -> str:
    low, high = ends
    if low is None or high is None:
        return _NONE
    return f"{_number(low, language)} {'à' if language == 'fr' else 'to'} {_number(high, language)}"


def _escape(text: Any) -> str:
    """Text that Markdown takes as it stands, in a cell too."""
    return " ".join(str(text).split()).translate(_SPECIAL)


def _to_html(text: str, manifest: Manifest, version: str, language: Language) -> str:
    # Raw HTML is off, so that nothing a manifest holds becomes markup.
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    other = next(choice for choice in LANGUAGES if choice != language)
    return (
        _environment()
        .get_template("model_card.html.j2")
        .render(
            body=body,
            language=language,
            title=f"{manifest.model_name} {version}",
            other_language=other,
            other_file=card_file(other, "html"),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("road_assets.core"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = _escape
    return environment
