"""Texts that people wrote, for callers who may see them: opened by `rma work vault`, as this door holds no key."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from fastapi.concurrency import run_in_threadpool

from infra.log.texts import Texts
from infra.sealing.bodies import SEALED_MARK, Mark
from infra.sealing.opener import VaultAwayError
from infra.sealing.openings import Looking
from workers.http.callers import Caller
from workers.http.door import Door
from workers.operating.shown_texts import sealed_in

LOG = structlog.get_logger()


async def texts_for(door: Door, caller: Caller, streams: Iterable[str], why: str, content: object) -> Texts:
    """Return what the sealed texts in JSON values say, that these streams hold; nothing for who may not see it.

    Where nobody can open them now, a mark that says so stands for each.
    """
    return await texts_seen_by(door, Looking(f"caller:{caller.name}", why), streams, content) if caller.personal else {}


async def texts_seen_by(door: Door, looking: Looking, streams: Iterable[str], content: object) -> Texts:
    """Return as ``texts_for`` does, for somebody who may see them; that he looked is on record."""
    wanted = {sealed for _, _, _, sealed in sealed_in(content)}
    if not wanted:
        return {}
    if door.opener is None:
        return dict.fromkeys(wanted, Mark(SEALED_MARK))
    told = dict[str, object]()
    try:
        for stream in streams:
            told |= await run_in_threadpool(door.opener.open, looking, stream, wanted - told.keys())
    except VaultAwayError as away:
        LOG.warning("texts_stay_sealed", error=str(away))
        return dict.fromkeys(wanted, Mark(SEALED_MARK))
    return told
