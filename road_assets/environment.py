"""How classes of settings read the environment, and how they say what is wrong in it."""

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


def environment_config(prefix: str) -> SettingsConfigDict:
    """How a class of settings reads the environment.

    An empty variable counts as one that is not set, and an error does not repeat the value, which may be a secret.

    Args:
        prefix: of the variables, as ``ROAD_``.
    """
    return SettingsConfigDict(
        env_prefix=prefix, env_ignore_empty=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )


def wrong_variables(settings: type[BaseSettings], error: ValidationError) -> str:
    """What is wrong in the environment, a line for each variable; no value is repeated.

    Args:
        settings: the class that could not be made.
        error: that pydantic raised.
    """
    prefix = settings.model_config.get("env_prefix", "")
    lines = []
    for item in error.errors(include_input=False):
        name = str(item["loc"][0]) if item["loc"] else ""  # rules about several variables name them in their message
        variable = name if name.isupper() else f"{prefix}{name}".upper()
        lines.append(f"{variable}: {item['msg']}" if name else item["msg"])
    return "\n".join(lines)
