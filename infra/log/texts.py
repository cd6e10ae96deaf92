"""Single texts opened for whoever may see them, from the log that holds them.

A read model holds a sealed text as it is. Where it was sealed, its place, is found again in the events of its stream;
what is in none of them was never sealed, whatever it looks like.
"""

from __future__ import annotations

from uuid import UUID

from infra.log.event_log import EventLog
from infra.records import StoredEvent
from infra.sealing.bodies import Mark, opened_texts
from infra.sealing.vault import Vault


class TextReader:
    """Opens texts.

    Args:
        log: Where the events are.
        vault: Where the keys are.
    """

    def __init__(self, log: EventLog, vault: Vault) -> None:
        self._log = log
        self._vault = vault

    def open(self, stream: str, text: str | None) -> str | None:
        """Return a text of a stream's as it was written; None where its key is gone."""
        if text is None:
            return None
        for event in self._log.load({stream: 0}).get(stream, ()):
            for sealed, opened in self.texts(event):
                if sealed == text:
                    return None if isinstance(opened, Mark) else str(opened)
        return text

    def texts(self, event: StoredEvent) -> list[tuple[str, object]]:
        """Return each sealed text of an event, and what it says: a ``Mark`` where that cannot be told."""
        if event.sealed_key_id is None:
            return []
        keys = {key.key_id: key for key in self._vault.find([UUID(event.sealed_key_id)])}
        return [
            (one.sealed, one.opened) for one in opened_texts(event.type, event.body, event.stream, event.version, keys)
        ]
