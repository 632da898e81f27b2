"""The model that answers: its model card for people, its manifest for programs."""

from typing import Annotated, Any, Final, Literal

from litestar import Controller, MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException, ServiceUnavailableException
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from litestar.response import Redirect

from road_api.openapi import TAG_OPERATIONS, describe_problem
from road_api.services.model_poller import ModelPoller
from road_api.services.model_store import ModelStore, ServedModel
from road_assets.core.model_card_labels import HTML_CARDS, LANGUAGES, Language

MODEL_PATH: Final = "/model"

PAGE_HEADERS: Final = {
    # The page comes from the registry: whatever it contains, it may run, load and send nothing.
    "Content-Security-Policy": (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Vary": "Accept, Accept-Language",
}

_Lang = Annotated[Literal["fr", "en"] | None, Parameter(query="lang", description="Language of the page.")]


class ModelController(Controller):
    """Open to everybody: a model card holds no personal data."""

    tags = (TAG_OPERATIONS,)

    @get(
        MODEL_PATH,
        operation_id="getModel",
        summary="What is this model for, and how good is it?",
        description=(
            "The model card as a page, in the language of `lang`, else of `Accept-Language`, else English. "
            "With `Accept: application/json` the manifest of the model's bundle."
        ),
        media_type=MediaType.HTML,
        responses={
            400: describe_problem("There is no card in this language"),
            404: describe_problem("The loaded model has no card"),
            503: describe_problem("No model is loaded yet"),
        },
        sync_to_thread=False,
    )
    def show(
        self,
        request: Request[Any, Any, Any],
        store: NamedDependency[ModelStore],
        poller: NamedDependency[ModelPoller],
        lang: _Lang = None,
    ) -> Response[bytes]:
        """Show the card, or the manifest to a program."""
        model = store.current
        if model is None:
            raise ServiceUnavailableException(f"no model is loaded yet; registry: {poller.state.detail}")
        if request.accept.best_match([MediaType.HTML, MediaType.JSON]) == MediaType.JSON:
            manifest = model.bundle.manifest.model_dump_json().encode()
            return Response(manifest, media_type=MediaType.JSON, headers={"Vary": PAGE_HEADERS["Vary"]})
        language = lang or preferred_language(request.headers.get("accept-language", ""))
        headers = {**PAGE_HEADERS, "Content-Language": language}
        return Response(_card(model, language), media_type=MediaType.HTML, headers=headers)


def _card(model: ServedModel, language: Language) -> bytes:
    try:
        return model.card[HTML_CARDS[language]]
    except KeyError:
        reason = model.card_problem or "not asked yet"
        raise NotFoundException(
            f"version {model.ref.version} answers, but the registry gave no card of it ({reason}); "
            "materialize the asset model_card. Its manifest is here with `Accept: application/json`"
        ) from None


def preferred_language(header: str) -> Language:
    """Choose a language by an ``Accept-Language`` header (RFC 9110, section 12.5.4); English if in doubt.

    Args:
        header: as sent; it may be empty or malformed.
    """
    weights = dict.fromkeys(LANGUAGES, 0.0)
    for choice in header.lower().split(","):
        tag, _, parameter = choice.partition(";")
        language = next((known for known in LANGUAGES if tag.split("-")[0].strip() == known), None)
        if language is not None:
            weights[language] = max(weights[language], _weight(parameter))
    return "fr" if weights["fr"] > weights["en"] else "en"


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def make_card_links() -> list[HTTPRouteHandler]:
    """Redirect the file names by which the two cards link each other, so that the links work here as between files."""

    def link(language: Language) -> HTTPRouteHandler:
        @get(f"/{HTML_CARDS[language]}", include_in_schema=False, status_code=307, name=f"card-{language}")
        async def follow() -> Redirect:
            return Redirect(f"{MODEL_PATH}?lang={language}", status_code=307)

        return follow

    return [link(language) for language in LANGUAGES]
