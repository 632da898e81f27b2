"""``road token``: makes a token for people on the machine, who can read the secret that the service signs with."""

import os
from typing import Final

from road_api.tokens import OPERATOR_PREFIX, Role, Tokens, read_keys
from road_assets.errors import UserFacingError
from road_assets.local.secrets import existing_secret
from road_assets.local.services import JWT_SECRET, Site

KEY_VARIABLE: Final = "ROAD_API_JWT_SECRET"
KEYS_VARIABLE: Final = "ROAD_API_JWT_KEYS"


class NoSigningSecretError(UserFacingError):
    """Nobody can sign tokens here."""


def make_token(site: Site, name: str, *, admin: bool) -> str:
    """Sign a token with the secret of this machine's service.

    Args:
        site: the platform; its demonstration's secret is used where the environment has none.
        name: of the person, who will stand behind what is done with it.
        admin: whether it allows to change what the platform does.

    Raises:
        NoSigningSecretError: no secret is set, or none that can be read, and no demonstration has made one.
    """
    return _tokens(site).make(OPERATOR_PREFIX + name, Role.ADMIN if admin else Role.USER)


def _tokens(site: Site) -> Tokens:
    if keys := os.environ.get(KEYS_VARIABLE):
        try:
            return Tokens(read_keys(keys))
        except ValueError as error:
            raise NoSigningSecretError(f"{KEYS_VARIABLE}: {error}") from error
    secret = os.environ.get(KEY_VARIABLE) or existing_secret(site.home, JWT_SECRET)
    if secret is None:
        raise NoSigningSecretError(
            f"there is nothing to sign with: set {KEY_VARIABLE} to what the service has, or ROAD_HOME to the home of a "
            f"demonstration (`make up` makes the secret; {site.home} has none)"
        )
    return Tokens(secret)
