"""What the commands of ``road`` read from the environment, and how they say what is wrong in it."""

from typing import TYPE_CHECKING, Final, TypeVar

import click
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from road_assets.environment import wrong_variables
from road_assets.retention.settings import RetentionSettings
from road_assets.settings import (
    ArchiveSettings,
    DriftSettings,
    GateSettings,
    ModelSettings,
    PlatformSettings,
    PortSettings,
)

if TYPE_CHECKING:
    from road_assets.local.services import Site

_Settings = TypeVar("_Settings", bound=BaseSettings)

_OF_THE_CODE_LOCATION: Final = (GateSettings, ModelSettings, DriftSettings, RetentionSettings, ArchiveSettings)
"""Read by the code location. Checked here too: it would not load, and its log is not where one looks first."""


def read_settings(settings: type[_Settings]) -> _Settings:
    """Read settings from the environment.

    Raises:
        ClickException: some are wrong; the message names their variables.
    """
    try:
        return settings()
    except ValidationError as error:
        raise click.ClickException(wrong_variables(settings, error)) from None


def find_site(*, demo: bool = False) -> "Site":
    """The platform that the environment names.

    Args:
        demo: whether a demonstration is asked for, whatever the environment says.

    Raises:
        ClickException: a setting is wrong, be it of the platform or of its code location.
    """
    from road_assets.local.platform import make_site

    settings, ports = read_settings(PlatformSettings), read_settings(PortSettings)
    for others in _OF_THE_CODE_LOCATION:
        read_settings(others)
    return make_site(settings.model_copy(update={"demo": settings.demo or demo}), ports)
