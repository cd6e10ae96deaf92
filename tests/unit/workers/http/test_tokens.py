"""Signed tokens: whom they speak for, and every way to forge one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from workers.http.errors import TokenInvalidError, UnavailableError
from workers.http.tokens import FETCH_EVERY_S, KEYS_AGE_MAX_S, Tokens

ISSUER, AUDIENCE = "https://login.example", "rma"
OURS: Final = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
CURVE: Final = ec.generate_private_key(ec.SECP256R1())
FOREIGN: Final = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
KEYS: Final[dict[str, Any]] = {
    "keys": [
        {**json.loads(RSAAlgorithm.to_jwk(OURS.public_key())), "kid": "k1", "alg": "RS256", "use": "sig"},
        {**json.loads(ECAlgorithm.to_jwk(CURVE.public_key())), "kid": "k2", "alg": "ES256", "use": "sig"},
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw", "kid": "k3", "alg": "HS256"},
    ]
}
CLAIMS: Final[dict[str, Any]] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "erp",
    "exp": datetime.now(UTC) + timedelta(hours=1),
    "rma_source": "/erp",
    "rma_kinds": ["system"],
    "rma_access": "write",
}


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Published:
    """Keys as an issuer publishes them, counting how often they are asked for."""

    def __init__(self, keys: dict[str, Any] | None = None) -> None:
        self.keys: dict[str, Any] | Exception = KEYS if keys is None else keys
        self.asked = 0

    def __call__(self) -> dict[str, Any]:
        self.asked += 1
        if isinstance(self.keys, Exception):
            raise self.keys
        return self.keys


def tokens(published: Callable[[], dict[str, Any]] | None = None, clock: Callable[[], float] | None = None) -> Tokens:
    return Tokens(published or Published(), ISSUER, AUDIENCE, clock or Clock())


def signed(key: Any = OURS, algorithm: str = "RS256", kid: str = "k1", **claims: Any) -> str:
    given = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    return jwt.encode(given, key, algorithm=algorithm, headers={"kid": kid})


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(OURS, "RS256", "k1"), (CURVE, "ES256", "k2")])
def test_a_token_speaks_for_whom_its_claims_say(key: Any, algorithm: str, kid: str) -> None:
    """Source, kinds and access come from its claims; all else stays denied."""
    caller = tokens().caller(signed(key, algorithm, kid))

    assert (caller.name, caller.source, sorted(caller.kinds), caller.access) == ("erp", "/erp", ["system"], "write")
    assert [caller.approve, caller.backdate] == [False] * 2


def _signed_by_secret(secret: bytes, kid: str) -> str:
    """Return a token signed by a secret that everybody may know, as forgers make them: the library would not."""
    parts = [{"alg": "HS256", "kid": kid}, {**CLAIMS, "exp": int(CLAIMS["exp"].timestamp())}]
    said = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = hmac.new(secret, said, hashlib.sha256).digest()
    return (said + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


PEM: Final = OURS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
FORGED: Final = {
    "signed by another": signed(FOREIGN),
    "not signed": jwt.encode(CLAIMS, "", algorithm="none", headers={"kid": "k1"}),
    "signed with the public key as a secret": _signed_by_secret(PEM, "k1"),
    "signed with a shared secret": _signed_by_secret(b"secret-secret-secret-secret-sec", "k3"),
    "of another key": signed(kid="k2"),
    "of an unknown key": signed(kid="k9"),
    "without a key": jwt.encode(CLAIMS, OURS, "RS256"),
    "expired": signed(exp=datetime.now(UTC) - timedelta(minutes=1)),
    "without end": signed(exp=None),
    "for another audience": signed(aud="shop"),
    "for nobody": signed(aud=None),
    "by another issuer": signed(iss="https://evil.example"),
    "by no issuer": signed(iss=None),
    "of nobody": signed(sub=None),
    "without a source": signed(rma_source=None),
    "for no kind": signed(rma_kinds=[]),
    "for a kind that is none": signed(rma_kinds=["king"]),
    "changed": signed()[:-6] + "AAAAAA",
    "nonsense": "a.b.c",
    "not text": "\xff",
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_a_token_that_is_not_valid_here_lets_nobody_in(token: str) -> None:
    """One answer for all of them: it tells a forger nothing."""
    with pytest.raises(TokenInvalidError):
        tokens().caller(token)


def test_unknown_keys_make_us_ask_once_a_minute() -> None:
    """Whoever makes up key ids cannot make us run to the issuer with each; a new key is known within a minute."""
    published, clock = Published({"keys": KEYS["keys"][1:]}), Clock()
    checking = tokens(published, clock)
    for kid in ("a", "b", "k1"):
        with pytest.raises(TokenInvalidError):
            checking.caller(signed(kid=kid))
    assert published.asked == 1

    published.keys, clock.now = KEYS, FETCH_EVERY_S

    assert checking.caller(signed()).name == "erp"
    assert published.asked == 2


def test_a_key_that_is_taken_back_is_forgotten_within_the_hour() -> None:
    published, clock = Published(), Clock()
    checking = tokens(published, clock)
    checking.caller(signed())

    published.keys, clock.now = {"keys": KEYS["keys"][1:]}, KEYS_AGE_MAX_S

    with pytest.raises(TokenInvalidError):
        checking.caller(signed())


@pytest.mark.parametrize("away", [httpx.ConnectError("away"), ValueError("no JSON")])
def test_while_the_issuer_is_away_known_keys_hold(away: Exception) -> None:
    """And where none is known, it is not the token's fault: ask again."""
    published, clock = Published(), Clock()
    checking = tokens(published, clock)
    checking.caller(signed())
    published.keys, clock.now = away, KEYS_AGE_MAX_S

    assert checking.caller(signed()).name == "erp"
    with pytest.raises(UnavailableError):
        tokens(published).caller(signed())
