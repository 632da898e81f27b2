"""What the commands of ``road`` read from the environment, and how they say what is wrong in it."""

from typing import TYPE_CHECKING, TypeVar

import click
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from road_assets.settings import GateSettings, PlatformSettings, PortSettings

if TYPE_CHECKING:
    from road_assets.local.services import Site

_Settings = TypeVar("_Settings", bound=BaseSettings)


def read_settings(settings: type[_Settings]) -> _Settings:
    """Read settings from the environment.

    Raises:
        ClickException: some are wrong; the message names their variables.
    """
    try:
        return settings()
    except ValidationError as error:
        raise click.ClickException(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    wrong = [(str(item["loc"][0]), item["msg"]) for item in error.errors(include_input=False)]
    return "\n".join(f"{name if name.isupper() else f'ROAD_{name.upper()}'}: {message}" for name, message in wrong)


def find_site(*, demo: bool = False) -> "Site":
    """The platform that the environment names."""
    from road_assets.local.platform import make_site

    settings, ports = read_settings(PlatformSettings), read_settings(PortSettings)
    read_settings(GateSettings)  # by the code location, too; a wrong one is named before anything starts
    return make_site(settings.model_copy(update={"demo": settings.demo or demo}), ports)
