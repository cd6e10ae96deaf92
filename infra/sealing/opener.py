"""How a process without the vault's keys has texts opened: it asks `rma work vault`, over a Unix socket.

One request a connection, one JSON object a line: ``{"actor", "why", "stream", "texts": [sealed…]}``, or ``"path"`` in
the place of ``texts`` for what stands there in the stream's last event that has it. The answer: ``{"texts": {sealed:
what it says}, "erased": [sealed…], "unreadable": [sealed…]}``; a text that the stream does not hold sealed is in none
of them. Where it cannot be answered: ``{"error": code}``.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from pathlib import Path
from typing import Final

import orjson

from domain.errors import RmaError
from infra.sealing.bodies import ERASED_MARK, UNREADABLE_MARK, Mark
from infra.sealing.openings import Looking

TIMEOUT_S: Final = 5.0
LINE_BYTES_MAX: Final = 4 * 1024 * 1024
TEXTS_MAX: Final = 2_000
"""How many texts one request may name."""


class VaultAwayError(RmaError):
    """Nobody opens texts now."""

    code = "vault_away"


class Opener:
    """Asks the vault; for any number of threads.

    Args:
        address: The socket of `rma work vault`.
    """

    def __init__(self, address: Path) -> None:
        self._address = address

    def open(self, looking: Looking, stream: str, texts: Collection[str]) -> dict[str, object]:
        """Return what these texts of a stream say: a JSON value, or the ``Mark`` that says why it cannot be told.

        What the stream does not hold sealed is left out. Who sees what is recorded before it is told.

        Raises:
            VaultAwayError: The vault is away, or will not answer; nothing was opened.
        """
        wanted, told = list(texts), dict[str, object]()
        for first in range(0, len(wanted), TEXTS_MAX):
            told |= self._ask(looking, {"stream": stream, "texts": wanted[first : first + TEXTS_MAX]})
        return told

    def newest(self, looking: Looking, stream: str, path: str) -> object:
        """Return what a stream says last at a path (``contact``), as ``open`` does; None where it says nothing.

        Raises:
            VaultAwayError: The vault is away, or will not answer; nothing was opened.
        """
        return next(iter(self._ask(looking, {"stream": stream, "path": path}).values()), None)

    def _ask(self, looking: Looking, asked: dict[str, object]) -> dict[str, object]:
        request = {"actor": looking.actor, "why": looking.why, **asked}
        try:
            answer = orjson.loads(self._exchange(orjson.dumps(request)))
        except (OSError, ValueError) as error:
            raise VaultAwayError(f"texts cannot be opened, is the vault at work? (rma work vault): {error}") from error
        if "error" in answer:
            raise VaultAwayError(f"the vault opens nothing: {answer['error']}")
        marks = {"erased": ERASED_MARK, "unreadable": UNREADABLE_MARK}
        marked = {sealed: Mark(mark) for name, mark in marks.items() for sealed in answer[name]}
        return {**answer["texts"], **marked}

    def _exchange(self, request: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(str(self._address))
            connection.sendall(request + b"\n")
            with connection.makefile("rb") as answer:
                return answer.readline(LINE_BYTES_MAX)
