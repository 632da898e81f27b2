"""The OpenAPI document, shown at ``/docs``: schemas of questions, made from the vocabulary, and security schemes."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Final

from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import (
    Components,
    Example,
    OAuthFlow,
    OAuthFlows,
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
    Tag,
)

from road_api.problems import MEDIA_TYPE
from road_api.schemas.responses import Problem
from road_api.services.csv_answers import ANSWER_COLUMNS
from road_api.services.field_codes import FIELDS, Field, unknown_codes
from road_api.services.scene import ACCIDENT_FIELD
from road_assets.core.scene_fields import FULL_EXAMPLE_FIELDS, SCENE_FIELD_NAMES, SceneField
from road_assets.core.vocabulary import FEATURE_NAMES, OUTCOMES, SCENE_EXAMPLE, UNKNOWN_CODE

API_VERSION: Final = "1.0.0"
"""Version of the HTTP interface, not of the code."""

DOCS_PATH: Final = "/docs"
DOCS_FILES_PATH: Final = "/docs/files"
TOKEN_PATH: Final = "/auth/token"  # noqa: S105 (a path, not a password)
CSV_FIELD: Final = "file_request"

TAG_LOG_IN: Final = "Log in"
TAG_ESTIMATES: Final = "Estimates"
TAG_OPERATIONS: Final = "Operations"
TAG_ADMIN: Final = "Administration"

BEARER: Final = "BearerToken"
PASSWORD: Final = "PasswordLogin"  # noqa: S105 (name of a scheme, not a password)
PROTECTED: Final[list[dict[str, list[str]]]] = [{PASSWORD: []}, {BEARER: []}]


_CSV_ANSWER: Final = "\r\n".join(
    (
        ";".join((*FEATURE_NAMES, *ANSWER_COLUMNS)),
        ";".join(map(str, (*SCENE_EXAMPLE.values(), 0, 0.31, OUTCOMES[0].en, ""))),
        "",
    )
)


def swagger_files() -> Path:
    """Find the files of Swagger UI in the installed package, without importing it, which would need Flask.

    Raises:
        RuntimeError: the package is not installed.
    """
    spec = find_spec("flask_swagger_ui")
    if spec is None or spec.origin is None:
        raise RuntimeError("Swagger UI is not installed; install the project's dependencies (flask-swagger-ui)")
    return Path(spec.origin).parent / "dist"


def describe_problem(description: str) -> ResponseSpec:
    """Describe an error response of an endpoint."""
    return ResponseSpec(Problem, generate_examples=False, description=description, media_type=MEDIA_TYPE)


def make_openapi_config() -> OpenAPIConfig:
    """Configure the document's head, its security schemes and the page that shows it, which works offline."""
    page = SwaggerRenderPlugin(
        path="/",
        js_url=f"{DOCS_FILES_PATH}/swagger-ui-bundle.js",
        css_url=f"{DOCS_FILES_PATH}/swagger-ui.css",
        standalone_preset_js_url=f"{DOCS_FILES_PATH}/swagger-ui-standalone-preset.js",
        favicon=f"<link rel='icon' type='image/png' href='{DOCS_FILES_PATH}/favicon-32x32.png'>",
    )
    return OpenAPIConfig(
        title="Road accident severity",
        version=API_VERSION,
        description=(
            "Estimates, from what is known when a road accident is reported in France, whether a user is severely hurt "
            "(killed or hospitalised). To try it: press **Authorize**, log in with user name and password, then "
            "**Try it out** on an endpoint."
        ),
        tags=[Tag(TAG_LOG_IN), Tag(TAG_ESTIMATES), Tag(TAG_OPERATIONS), Tag(TAG_ADMIN)],
        path=DOCS_PATH,
        render_plugins=[page, JsonRenderPlugin(path="/openapi.json")],
        components=Components(security_schemes=_security_schemes()),
    )


@dataclass
class TokenOperation(Operation):
    """An operation that takes the log-in form."""

    def __post_init__(self) -> None:
        """Describe the body, which the handler reads itself."""
        text = Schema(type=OpenAPIType.STRING, min_length=1)
        hidden = Schema(type=OpenAPIType.STRING, format="password", min_length=1)  # type: ignore[arg-type] # the enum lacks it
        form = Schema(
            type=OpenAPIType.OBJECT,
            properties={"username": text, "password": hidden},
            required=["username", "password"],
        )
        content = {
            "application/x-www-form-urlencoded": OpenAPIMediaType(form),
            "multipart/form-data": OpenAPIMediaType(form),
        }
        self.request_body = RequestBody(content, required=True)


@dataclass
class SceneOperation(Operation):
    """An operation that takes the 13 features of one user and any of the optional fields."""

    def __post_init__(self) -> None:
        """Describe the body, which the handler reads itself."""
        examples: dict[str, Example | Reference] = {
            "known": Example(summary="The 13 features are known", value=SCENE_EXAMPLE),
            "scene": Example(summary="The optional fields too", value={**SCENE_EXAMPLE, **FULL_EXAMPLE_FIELDS}),
            "unknown": Example(summary="Nothing is known", value=dict.fromkeys(FEATURE_NAMES, UNKNOWN_CODE)),
        }
        content = {"application/json": OpenAPIMediaType(describe_scene(), examples=examples)}
        self.request_body = RequestBody(content, required=True)


@dataclass
class AccidentOperation(Operation):
    """An operation that takes all users of one accident.

    Attributes:
        max_users: largest number of users. It is a setting, so each application makes a subclass.
    """

    max_users: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Describe the body, which the handler reads itself."""
        passenger = {**SCENE_EXAMPLE, "catu": 2, "sexe": 2}
        alone = {**SCENE_EXAMPLE, **FULL_EXAMPLE_FIELDS}
        examples: dict[str, Example | Reference] = {
            "two": Example(summary="A driver and a passenger", value={ACCIDENT_FIELD: [SCENE_EXAMPLE, passenger]}),
            "one": Example(summary="One user, the optional fields too", value={ACCIDENT_FIELD: [alone]}),
        }
        content = {"application/json": OpenAPIMediaType(describe_accident(self.max_users), examples=examples)}
        self.request_body = RequestBody(content, required=True)


@dataclass
class CsvOperation(Operation):
    """An operation that takes a file of questions."""

    def __post_init__(self) -> None:
        """Describe the body, which the handler reads itself."""
        file = Schema(
            type=OpenAPIType.STRING,
            format=OpenAPIFormat.BINARY,
            description=(
                f"CSV with `,` or `;`, UTF-8 or cp1252, and a header naming {', '.join(FEATURE_NAMES)} in any order, "
                f"and optionally {', '.join(SCENE_FIELD_NAMES)}; other columns are ignored. Empty or {UNKNOWN_CODE} is "
                "unknown."
            ),
        )
        form = Schema(type=OpenAPIType.OBJECT, properties={CSV_FIELD: file}, required=[CSV_FIELD])
        self.request_body = RequestBody({"multipart/form-data": OpenAPIMediaType(form)}, required=True)
        answer = (self.responses or {}).get("200")
        if isinstance(answer, OpenAPIResponse) and answer.content is not None:
            text = Schema(type=OpenAPIType.STRING, description="The columns of the file, then those of the answer.")
            answer.content["text/csv"] = OpenAPIMediaType(text, example=_CSV_ANSWER)


def describe_scene() -> Schema:
    """Describe a question about one user."""
    return Schema(
        type=OpenAPIType.OBJECT,
        title="Scene",
        properties={field.name: describe_field(field) for field in FIELDS},
        required=list(FEATURE_NAMES),
        additional_properties=False,
    )


def describe_accident(max_users: int) -> Schema:
    """Describe a question about all users of an accident."""
    users = Schema(type=OpenAPIType.ARRAY, items=describe_scene(), min_items=1, max_items=max_users)
    return Schema(
        type=OpenAPIType.OBJECT,
        title="Accident",
        properties={ACCIDENT_FIELD: users},
        required=[ACCIDENT_FIELD],
        additional_properties=False,
    )


def describe_field(field: Field) -> Schema:
    """Describe a field of a question: its codes or range in both languages, and "unknown"."""
    optional_en, optional_fr = (" Optional.", " Facultatif.") if field.name in SCENE_FIELD_NAMES else ("", "")
    codes = ", ".join(map(str, unknown_codes(field)))
    description = (
        f"{field.en}: {field.describe_codes('en')}. {codes} or null = unknown.{optional_en}\n\n"
        f"{field.fr} : {field.describe_codes('fr')}. {codes} ou null = inconnu.{optional_fr}"
    )
    schema = Schema(type=[OpenAPIType.INTEGER, OpenAPIType.NULL], title=field.en, description=description)
    unknown: list[Any] = [*unknown_codes(field), None]
    if isinstance(field, SceneField) and field.kind == "number":
        # The codes for "unknown" lie below the range, so lower bounds that include them would allow too much.
        schema.any_of = [Schema(minimum=field.low, maximum=field.high), Schema(enum=unknown)]
    else:
        schema.enum = [*(code.value for code in field.codes), *unknown]
    return schema


def _security_schemes() -> dict[str, Any]:
    return {
        PASSWORD: SecurityScheme(
            type="oauth2",
            description="Log in here; the page then sends the token itself. Leave the client fields empty.",
            flows=OAuthFlows(password=OAuthFlow(token_url=TOKEN_PATH, scopes={})),
        ),
        BEARER: SecurityScheme(
            type="http",
            scheme="bearer",
            bearer_format="JWT",
            description=f"Or paste an `access_token` from `POST {TOKEN_PATH}`.",
        ),
    }
