"""Sealed texts as they were written, for whoever may see them, from the log that holds them.

A read model holds a sealed text as it is. Where it was sealed, its place, is found again in the events of its stream;
what is in none of them was never sealed, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from infra.log.event_log import EventLog
from infra.records import StoredEvent
from infra.sealing.bodies import SEALED_MARK, Mark, opened_texts
from infra.sealing.vault import Vault

Texts = Mapping[str, object]
"""What sealed texts say, by what they are sealed as: a ``Mark`` where that cannot be told."""


class TextReader:
    """Opens texts.

    Args:
        log: Where the events are.
        vault: Where the keys are; None: texts may not be seen.
    """

    def __init__(self, log: EventLog, vault: Vault | None) -> None:
        self._log = log
        self._vault = vault

    def of_streams(self, streams: Iterable[str]) -> Texts:
        """Return the sealed texts of these streams; no stream, no query."""
        wanted = dict.fromkeys(streams, 0)
        return self.of_events(event for of in self._log.load(wanted).values() for event in of) if wanted else {}

    def of_events(self, events: Iterable[StoredEvent]) -> Texts:
        """Return the sealed texts of these events."""
        sealed = [(event, event.sealed_key_id) for event in events if event.sealed_key_id is not None]
        wanted = {UUID(key_id) for _, key_id in sealed}
        keys = {key.key_id: key for key in self._vault.find(wanted)} if self._vault and wanted else {}
        return {
            one.sealed: one.opened if self._vault else Mark(SEALED_MARK)
            for event, _ in sealed
            for one in opened_texts(event.type, event.body, event.stream, event.version, keys)
        }


def as_written(text: str | None, texts: Texts) -> str | None:
    """Return a text as it was written; None where it cannot be told."""
    opened = texts.get(text, text) if text is not None else None
    return None if opened is None or isinstance(opened, Mark) else str(opened)
