"""Which carriers may bring news: how each signs, in which form it speaks, and whose labels are its own."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from workers.http.callers import faults_of
from workers.http.errors import CallersUnreadableError, SignatureInvalidError
from workers.http.watched import Watched

SECRETS_MAX: Final = 2
"""The one in use and the one that takes its place."""
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what Standard Webhooks' secrets begin with
SECRET_BYTES_MIN: Final = 24
NOBODYS: Final = SECRET_PREFIX + base64.b64encode(bytes(32)).decode()
"""Checked in place of a carrier's that is not known, so that it takes as long."""


def _secret(given: str) -> str:
    try:
        key = base64.b64decode(given.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < SECRET_BYTES_MIN:
        raise ValueError(f"is no secret of Standard Webhooks: whsec_ and {SECRET_BYTES_MIN} bytes or more in base64")
    return given


class Carrier(BaseModel):
    """A carrier that brings news.

    ``labels``: what it is called on labels; empty: as in its address. News about parcels that go with another carrier
    are not its to bring.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    adapter: Literal["neutral", "epcis"] = "neutral"
    secrets: Annotated[tuple[Annotated[str, AfterValidator(_secret)], ...], Field(min_length=1, max_length=SECRETS_MAX)]
    labels: tuple[str, ...] = ()

    def carries(self, name: str, on_label: str | None) -> bool:
        """Tell whether a parcel may be this carrier's, by the carrier on its label; without a label anybody's."""
        own = {known.casefold() for known in self.labels or (name,)}
        return on_label is None or on_label.casefold() in own


CARRIERS: Final = TypeAdapter(dict[str, Carrier])


class CarriersFile:
    """The file of carriers.

    Args:
        path: JSON: ``{"ups": {"adapter": "neutral", "secrets": ["whsec_…"], "labels": ["UPS"]}, …}``. None: none may.
    Raises:
        CallersUnreadableError: It cannot be read now.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: Watched[dict[str, Carrier]] = Watched(path, _carriers_in, {})

    def named(self, name: str) -> Carrier | None:
        """Return a carrier by its name, or None."""
        return self._file.said.get(name)

    def signed_by(self, name: str, body: bytes, headers: Mapping[str, str]) -> Carrier:
        """Return the carrier whose signature a body bears.

        Raises:
            SignatureInvalidError: It is not this carrier's, or older than five minutes, or there is no such carrier.
        """
        carrier = self.named(name)
        secrets = carrier.secrets if carrier else (NOBODYS,)
        # each is checked, so that how long it takes does not tell which one it was
        valid = [is_signed(secret, body, headers) for secret in secrets]
        if carrier is None or not any(valid):
            raise SignatureInvalidError("the signature is not valid")
        return carrier


def _carriers_in(text: str) -> dict[str, Carrier]:
    try:
        return CARRIERS.validate_json(text)
    except ValidationError as error:
        raise CallersUnreadableError(faults_of(error)) from error


def is_signed(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Tell whether a body bears a signature of Standard Webhooks by this secret, not older than five minutes."""
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError, IndexError):  # what is no signature at all it does not catch itself
        return False
    return True
