"""Who may come in by a key of the file: each line holds the hash of a key, and what its holder may do."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from commands.fields import Sha256
from domain.vocabularies import ActorKind
from workers.http.errors import CallersUnreadableError, TokenInvalidError
from workers.http.watched import Watched

TOKEN_PREFIX: Final = "rma_"  # noqa: S105 - what a key begins with, so that scanners of repositories find one
TOKEN_BYTES: Final = 32

Name = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
Source = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,256}$")]
Kinds = Annotated[frozenset[ActorKind], Field(min_length=1)]


class Caller(BaseModel):
    """Somebody who is known, and what he may do.

    ``scope``: the sellers whose orders and returns he sees, or ``all``. ``approve``: may say who approved a command.
    ``backdate``: may send commands of another time than now. ``personal``: sees what people wrote."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    source: Source
    kinds: Kinds
    access: Literal["read", "write"] = "read"
    scope: Literal["all"] | frozenset[str] = "all"
    approve: bool = False
    backdate: bool = False
    personal: bool = False

    @property
    def sellers(self) -> list[str] | None:
        """The sellers whose returns he sees; None: all."""
        return None if self.scope == "all" else sorted(self.scope)


class KeyLine(Caller):
    """A line of the file: a caller, and the SHA-256 of his key."""

    sha256: Sha256


def new_key(**caller: Any) -> tuple[str, str]:
    """Return a new key and the line of the file that lets its holder in.

    Raises:
        pydantic.ValidationError: The caller cannot be.
    """
    token = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    line = KeyLine(sha256=_digest(token), **caller)
    return token, line.model_dump_json(exclude_defaults=True)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class KeysFile:
    """The file of keys.

    Args:
        path: JSON objects, one a line; blank lines and those that begin with # are passed over. None: nobody has a key.
    Raises:
        CallersUnreadableError: It cannot be read now.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: Watched[dict[str, Caller]] = Watched(path, _callers_in, {})

    def caller(self, token: str) -> Caller:
        """Return who holds a key; raises ``TokenInvalidError`` where nobody does.

        Keys are looked up by their hash: how long it takes tells nothing of a key.
        """
        found = self._file.said.get(_digest(token))
        if found is None:
            raise TokenInvalidError("this key is not known")
        return found


def _callers_in(text: str) -> dict[str, Caller]:
    found: dict[str, Caller] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            key = KeyLine.model_validate_json(line)
        except ValidationError as error:
            raise CallersUnreadableError(f"line {number}: {faults_of(error)}") from error
        found[key.sha256] = Caller.model_validate(key.model_dump(exclude={"sha256"}))
    return found


def faults_of(error: ValidationError) -> str:
    """Return what is wrong with what a file says, by place; what it says is not repeated, as it may be secret."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or '$'}: {fault['msg']}" for fault in faults)
