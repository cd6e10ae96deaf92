"""Who may come in by a signed token (JWT), whose signer publishes its keys at an address (JWKS)."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

import httpx
import jwt
import structlog
from pydantic import SecretStr, ValidationError

from workers.http.callers import Caller
from workers.http.errors import TokenInvalidError, UnavailableError

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Asymmetric ones only: whoever can check a token must not be able to make one."""
REQUIRED: Final = ("exp", "aud", "iss", "sub")
CLAIM_PREFIX: Final = "rma_"
CLAIMS: Final = ("source", "kinds", "access", "scope", "approve", "backdate", "personal")
LEEWAY_S: Final = 10
FETCH_EVERY_S: Final = 60.0
"""An unknown key makes us ask for the keys anew, at most so often: else whoever forges tokens would make us."""
KEYS_AGE_MAX_S: Final = 3_600.0
"""After so long keys are asked for anew, so that one that was taken back is no longer taken."""
FETCH_TIMEOUT_S: Final = 5.0
KEYS_BYTES_MAX: Final = 256 * 1024

LOG = structlog.get_logger()
Fetch = Callable[[], dict[str, Any]]


class Tokens:
    """Checks tokens of one issuer, meant for one audience.

    Args:
        fetch: Returns the key set (RFC 7517) as JSON values; raises ``httpx.HTTPError`` or ``ValueError``.
        issuer: Their ``iss``.
        audience: Their ``aud``.
        clock_s: Seconds of a steady clock.
    """

    def __init__(self, fetch: Fetch, issuer: str, audience: str, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._issuer, self._audience, self._clock_s = fetch, issuer, audience, clock_s
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._lock = Lock()

    def caller(self, token: str) -> Caller:
        """Return whom a token speaks for.

        Raises:
            TokenInvalidError: It is forged, has expired, or is not meant for this door.
            UnavailableError: Its key is not known, and the keys cannot be had.
        """
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(
                token,
                self._key(str(header.get("kid", ""))),
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": list(REQUIRED)},
            )
            return _caller(claims)
        except (jwt.PyJWTError, ValidationError, ValueError) as bad:
            LOG.info("token_refused", why=type(bad).__name__)
            raise TokenInvalidError("this token is not valid here") from bad

    def _key(self, key_id: str) -> jwt.PyJWK:
        with self._lock:
            age_s = self._clock_s() - self._fetched_at
            if age_s >= KEYS_AGE_MAX_S or (key_id not in self._keys and age_s >= FETCH_EVERY_S):
                self._fetch_keys()
            if key_id not in self._keys:
                raise TokenInvalidError("this token is signed by a key that is not known")
            return self._keys[key_id]

    def _fetch_keys(self) -> None:
        self._fetched_at = self._clock_s()
        try:
            found = jwt.PyJWKSet.from_dict(self._fetch())
        except (httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
            LOG.warning("jwks_unreadable", error=repr(error))
            if not self._keys:
                raise UnavailableError("the keys that sign tokens cannot be had now") from error
            return
        self._keys = {key.key_id: key for key in found.keys if key.key_id}


def _caller(claims: dict[str, Any]) -> Caller:
    given = {name: claims[CLAIM_PREFIX + name] for name in CLAIMS if CLAIM_PREFIX + name in claims}
    return Caller(name=claims["sub"], **given)


def fetch_from(url: SecretStr) -> Fetch:
    """Return what asks for the keys at an address, within bounds of time and size."""

    def fetch() -> dict[str, Any]:
        with httpx.stream("GET", url.get_secret_value(), timeout=FETCH_TIMEOUT_S) as answer:
            answer.raise_for_status()
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > KEYS_BYTES_MAX:
                    raise ValueError("the set of keys is too large")
        keys: dict[str, Any] = httpx.Response(200, content=body).json()
        return keys

    return fetch
