"""Tokens by which a shop lets its customer in: what is forged, old or of another shape opens nothing."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from workers.http.errors import NotFoundError
from workers.http.shop_tokens import EnterKeyUnreadableError, ShopTokens

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "s" * 40
CLAIMS: dict[str, Any] = {
    "order_id": "O-1", "customer_id": "C-1", "jti": "J-1", "exp": NOW + timedelta(minutes=5)
}  # fmt: skip


def tokens(folder: Path, key: str = SECRET) -> ShopTokens:
    (folder / "key").write_text(f"{key}\n")
    return ShopTokens(folder / "key")


def test_a_shops_token_tells_whom_it_lets_in(tmp_path: Path) -> None:
    """Signed by the secret that both know."""
    entry = tokens(tmp_path).entry(jwt.encode(CLAIMS, SECRET, "HS256"), NOW)

    assert (entry.order_id, entry.customer_id, entry.jti) == ("O-1", "C-1", "J-1")
    assert entry.ends_at == NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - timedelta(minutes=1)},
        {"exp": NOW + timedelta(hours=1)},
        {"exp": None},
        {"jti": None},
        {"order_id": None},
        {"customer_id": 7},
        {"order_id": "x" * 300},
        {"customer_id": "a\x00b"},
        {"exp": 10**30},
    ],
    ids=str,
)
def test_a_token_that_says_otherwise_opens_nothing(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Too old, valid for too long, or not whole: all the same."""
    said = {name: value for name, value in (CLAIMS | changes).items() if value is not None}

    with pytest.raises(NotFoundError):
        tokens(tmp_path).entry(jwt.encode(said, SECRET, "HS256"), NOW)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é" * 10, "y" * 10_000])
def test_what_is_no_token_opens_nothing(tmp_path: Path, token: str) -> None:
    with pytest.raises(NotFoundError):
        tokens(tmp_path).entry(token, NOW)


def test_a_forged_token_opens_nothing(tmp_path: Path) -> None:
    """Another secret, no signature, another algorithm."""
    shop = tokens(tmp_path)

    for forged in (
        jwt.encode(CLAIMS, "t" * 40, "HS256"),
        jwt.encode(CLAIMS, "", "none"),
        jwt.encode(CLAIMS, SECRET * 2, "HS512"),
    ):
        with pytest.raises(NotFoundError):
            shop.entry(forged, NOW)


def test_a_public_key_lets_only_its_holder_sign(tmp_path: Path) -> None:
    """EdDSA; the public key, which many may know, is no secret to sign with."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    shop = tokens(tmp_path, public)

    assert shop.entry(jwt.encode(CLAIMS, secret, "EdDSA"), NOW).order_id == "O-1"
    header = jwt.encode(CLAIMS, "x" * 40, "HS256").split(".")[:2]
    mac = hmac.new(public.strip().encode(), ".".join(header).encode(), "sha256").digest()
    confused = ".".join([*header, urlsafe_b64encode(mac).decode().rstrip("=")])
    with pytest.raises(NotFoundError):
        shop.entry(confused, NOW)


def test_without_a_key_nobody_is_let_in() -> None:
    with pytest.raises(NotFoundError):
        ShopTokens(None).entry(jwt.encode(CLAIMS, SECRET, "HS256"), NOW)


@pytest.mark.parametrize("key", ["", "short", "-----BEGIN PRIVATE KEY-----\n" + "x" * 60])
def test_a_key_that_is_none_is_said_at_the_start(tmp_path: Path, key: str) -> None:
    """A secret that can be guessed, or a private key that does not belong here."""
    with pytest.raises(EnterKeyUnreadableError):
        tokens(tmp_path, key)
