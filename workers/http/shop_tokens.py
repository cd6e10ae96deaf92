"""Tokens by which a shop lets its customer in: a JWT of ten minutes at most, for one order, used once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import jwt

from domain.errors import RmaError
from workers.http.errors import NotFoundError

AGE_MAX: Final = timedelta(minutes=10)
LEEWAY_S: Final = 10
TEXT_MAX: Final = 256
TOKEN_MAX: Final = 4_096
SECRET_BYTES_MIN: Final = 32
PEM: Final = "-----BEGIN PUBLIC KEY-----"


class EnterKeyUnreadableError(RmaError):
    """The file of `RMA_HTTP_ENTER_KEY_FILE` cannot be used."""

    code = "enter_key_unreadable"


@dataclass(frozen=True, slots=True)
class Entry:
    """Whom a shop lets in, for which order; ``jti`` names the token until it has ended."""

    order_id: str
    customer_id: str
    jti: str
    ends_at: datetime


class ShopTokens:
    """Checks tokens of one shop.

    Args:
        path: A file with the shop's Ed25519 public key (PEM), or a secret of 32 characters or more that it shares; by
            what the file is, tokens are signed: EdDSA, or HS256. None: no shop lets anybody in.
    Raises:
        EnterKeyUnreadableError: The file is not like that.
    """

    def __init__(self, path: Path | None) -> None:
        self._key, self._algorithm = ("", "") if path is None else _key_in(path)

    def entry(self, token: str, now: datetime) -> Entry:
        """Return whom a token lets in; raises ``NotFoundError`` for one that is forged, too old, or none at all."""
        if not self._key or len(token) > TOKEN_MAX:
            raise NotFoundError("no such link")
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[self._algorithm],
                options={"require": ["exp", "jti"], "verify_aud": False, "verify_exp": False},
            )
            ends_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
            order_id, customer_id, jti = (claims[name] for name in ("order_id", "customer_id", "jti"))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError) as bad:
            raise NotFoundError("no such link") from bad
        is_text = all(
            isinstance(text, str) and 0 < len(text) <= TEXT_MAX and "\x00" not in text
            for text in (order_id, customer_id, jti)
        )
        leeway = timedelta(seconds=LEEWAY_S)
        if not is_text or not now - leeway < ends_at <= now + AGE_MAX + leeway:
            raise NotFoundError("no such link")
        return Entry(order_id, customer_id, jti, ends_at)


def _key_in(path: Path) -> tuple[str, str]:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise EnterKeyUnreadableError(f"{path} cannot be read: {error}") from error
    if text.startswith(PEM):
        return text, "EdDSA"
    if len(text) < SECRET_BYTES_MIN or text.startswith("-----"):
        raise EnterKeyUnreadableError(
            f"{path} holds neither an Ed25519 public key (PEM) nor a secret of {SECRET_BYTES_MIN} characters or more"
        )
    return text, "HS256"
