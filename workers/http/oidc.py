"""Who somebody is, by OpenID Connect: Authlib asks, and checks state, nonce, PKCE and token; here claims are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request, Response
from joserfc.errors import JoseError

from commands.fields import IDENTIFIER
from infra.settings import Settings
from workers.http.errors import ForbiddenError, UnavailableError
from workers.http.staff import Person, roles_in
from workers.http.tokens import ALGORITHMS

PATIENCE_S: Final = 10.0
NAME_MAX: Final = 80
LEEWAY_S: Final = 30
METADATA: Final = "/.well-known/openid-configuration"
SIGNED_BY: Final = "id_token_signing_alg_values_supported"
SCOPES: Final = "openid profile"

LOG = structlog.get_logger()


class SignInFailedError(ForbiddenError):
    """The provider does not vouch for whoever came back from it, or not in an answer to what was asked."""

    code = "sign_in_failed"


class Provider:
    """The provider of ``RMA_OIDC_ISSUER``.

    Args:
        settings: With issuer, client and secret.
    """

    def __init__(self, settings: Settings) -> None:
        assert settings.oidc_issuer and settings.oidc_client_secret  # noqa: S101, PT018 - the settings see to it
        self._issuer, self._client_id = settings.oidc_issuer, settings.oidc_client_id
        self._roles_claim = settings.oidc_roles_claim
        self._app = OAuth().register(
            "provider",
            client_id=self._client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            server_metadata_url=self._issuer.rstrip("/") + METADATA,
            client_kwargs={"scope": SCOPES, "code_challenge_method": "S256", "timeout": PATIENCE_S},
        )

    async def redirect(self, request: Request, back_to: str) -> Response:
        """Return what sends the browser to the provider; what its answer must fit is put into ``request.session``.

        Raises:
            UnavailableError: The provider cannot be asked.
        """
        try:
            await self._know_provider()
            response: Response = await self._app.authorize_redirect(request, back_to)
        except (httpx2.HTTPError, ValueError, RuntimeError) as error:
            raise _away(error) from error
        return response

    async def person(self, request: Request) -> Person:
        """Return whom the provider's answer vouches for.

        Raises:
            SignInFailedError: It vouches for nobody, or the answer fits nothing that was asked.
            UnavailableError: The provider cannot be asked.
        """
        try:
            await self._know_provider()
            wanted = {"iss": {"essential": True, "values": [self._issuer]}, "aud": {"values": [self._client_id]}}
            token = await self._app.authorize_access_token(request, claims_options=wanted, leeway=LEEWAY_S)
        except httpx2.HTTPError as error:
            raise _away(error) from error
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as bad:
            LOG.info("sign_in_refused", why=type(bad).__name__)
            raise SignInFailedError("the provider's answer is none to this sign-in") from bad
        if not token.get("userinfo"):
            raise SignInFailedError("the answer names nobody")
        return self._person(token["userinfo"])

    async def _know_provider(self) -> None:
        """Have the provider's own description; what signs its tokens must be checked without being able to sign."""
        told = await self._app.load_server_metadata()
        told[SIGNED_BY] = [one for one in told.get(SIGNED_BY) or ["RS256"] if one in ALGORITHMS]

    def _person(self, claims: Mapping[str, Any]) -> Person:
        person = str(claims.get("sub", ""))
        if not re.fullmatch(IDENTIFIER, person):
            raise SignInFailedError("what the provider calls him is no name that commands can hold")
        name = str(claims.get("name") or claims.get("preferred_username") or person)
        return Person(person, " ".join(name.split())[:NAME_MAX], roles_in(_claim(claims, self._roles_claim)))


def _claim(claims: Mapping[str, Any], path: str) -> list[object]:
    """Return the names under a claim, which may lie in objects: ``realm_access.roles``."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return list(found.split())
    return list(found) if isinstance(found, list) else []


def _away(error: Exception) -> UnavailableError:
    LOG.warning("provider_away", error=repr(error))
    return UnavailableError("the provider that signs people in cannot be reached")
