"""What is asked of the vault, and what it says: texts of one stream, for somebody, for a reason."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import Annotated, Any, Final, Self

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from infra.log.event_log import EventLog
from infra.log.texts import TextReader
from infra.metrics import WorkerMetrics
from infra.sealing.bodies import ERASED_MARK, UNREADABLE_MARK, Mark
from infra.sealing.opener import TEXTS_MAX
from infra.sealing.openings import Looking
from infra.sealing.vault import Vault
from workers.runtime.patience import POSTGRES_AWAY

LOG = structlog.get_logger()
MALFORMED: Final = {"error": "malformed"}
AWAY: Final = {"error": "postgres_away"}
SESSIONS: Final = 2
"""At log and vault; each may have broken while nobody asked anything."""

Said = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Request(BaseModel):
    """One request: either the texts that are wanted, as they are sealed, or the path of the newest."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    actor: Said
    why: Said
    stream: Said
    texts: Annotated[frozenset[str], Field(strict=False, max_length=TEXTS_MAX)] = frozenset()
    path: Said | None = None

    @model_validator(mode="after")
    def _name_texts_or_a_path(self) -> Self:
        if bool(self.texts) == (self.path is not None):
            raise ValueError("texts or path, one of them")
        return self


class Answering:
    """Answers requests, one at a time, whoever asks.

    Args:
        log: Where the texts stand.
        vault: Where their keys are, and the record of openings.
        metrics: Counts what was opened.
    """

    def __init__(self, log: EventLog, vault: Vault, metrics: WorkerMetrics) -> None:
        self._texts = TextReader(log, vault)
        self._metrics = metrics
        self._one_at_a_time = Lock()

    def answer(self, line: bytes) -> bytes:
        """Return the answer to a request; what is wrong with one is not repeated, as it may hold anything."""
        try:
            request = Request.model_validate_json(line)
        except ValidationError:
            LOG.warning("opening_malformed", bytes=len(line))
            return orjson.dumps(MALFORMED)
        try:
            with self._one_at_a_time:
                told = self._opened(request)
        except POSTGRES_AWAY as away:
            LOG.warning("opening_failed", error=type(away).__name__)
            return orjson.dumps(AWAY)
        LOG.info("texts_opened", actor=request.actor, why=request.why, stream=request.stream, texts=len(told["texts"]))
        return orjson.dumps(told)

    def _opened(self, request: Request) -> dict[str, Any]:
        """Return what a request opens; sessions that broke since the last one are opened anew."""
        for _ in range(SESSIONS):
            with suppress(*POSTGRES_AWAY):
                return self._open(request)
        return self._open(request)

    def _open(self, request: Request) -> dict[str, Any]:
        wanted = request.texts
        if request.path is not None:
            newest = self._texts.newest(request.stream, request.path)
            wanted = frozenset() if newest is None else frozenset({newest})
        looking = Looking(request.actor, request.why)
        found = self._texts.shown(looking, [request.stream], wanted) if wanted else {}
        self._metrics.handled(len(found))
        marks = {sealed: str(said) for sealed, said in found.items() if isinstance(said, Mark)}
        return {
            "texts": {sealed: said for sealed, said in found.items() if sealed not in marks},
            "erased": [sealed for sealed, mark in marks.items() if mark == ERASED_MARK],
            "unreadable": [sealed for sealed, mark in marks.items() if mark == UNREADABLE_MARK],
        }
