"""The endpoint that issues tokens."""

from typing import Any

from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException

from road_api.auth import PasswordCheck, challenge
from road_api.client_address import ClientAddress
from road_api.log_in_limit import LogInLimit
from road_api.openapi import TAG_LOG_IN, TOKEN_PATH, TokenOperation, describe_problem
from road_api.request_bodies import read_text_fields
from road_api.schemas.responses import Token
from road_api.tokens import LIFETIME_SECONDS, Tokens


class AuthController(Controller):
    """Issues tokens to users who log in."""

    tags = (TAG_LOG_IN,)

    @post(
        TOKEN_PATH,
        status_code=200,
        operation_id="createToken",
        operation_class=TokenOperation,
        summary="Log in",
        description=f"Returns a token that is valid for {LIFETIME_SECONDS // 60} minutes.",
        responses={
            400: describe_problem("The form is malformed or a field is missing"),
            401: describe_problem("Wrong user name or password"),
            413: describe_problem("The form is too large"),
            429: describe_problem("Too many log-ins failed; Retry-After says when to try again"),
        },
    )
    async def create_token(
        self,
        request: Request[Any, Any, Any],
        passwords: NamedDependency[PasswordCheck],
        tokens: NamedDependency[Tokens],
        log_in_limit: NamedDependency[LogInLimit],
        client_address: NamedDependency[ClientAddress],
    ) -> Token:
        """Check a user's password and issue a token."""
        username, password = await read_text_fields(request, "username", "password")
        attempt = log_in_limit.begin(username, client_address.find(request))
        user = await passwords.find(username, password)
        if user is None:
            raise NotAuthorizedException("the user name or the password is wrong", headers=challenge())
        log_in_limit.succeed(attempt)
        return Token(tokens.make(user.username, user.role, user.generation), LIFETIME_SECONDS)
