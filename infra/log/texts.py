"""Sealed texts as they were written, for whoever may see them, from the log that holds them.

A read model holds a sealed text as it is. Where it was sealed, its place, is found again in the events of its stream;
what is in none of them was never sealed, whatever it looks like.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from infra.log.event_log import EventLog
from infra.records import StoredEvent
from infra.sealing.bodies import SEALED_MARK, Mark, OpenedText, opened_texts
from infra.sealing.openings import Looking, field_of, note_opening
from infra.sealing.sealed_text import DataKey
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
        """Return the sealed texts of these streams, for a worker to act on; no stream, no query."""
        return self.of_events(self._events(streams))

    def of_events(self, events: Iterable[StoredEvent]) -> Texts:
        """Return the sealed texts of these events, for a worker to act on."""
        return {text.sealed: text.opened for _, text, _ in self._texts(events)}

    def shown(self, looking: Looking, streams: Iterable[str], only: Collection[str] | None = None) -> Texts:
        """Return the sealed texts of these streams, or those of them that are named, for a person's eyes.

        It is on record who sees what of whom before anything is told.
        """
        return self.shown_of(looking, self._events(streams), only)

    def shown_of(self, looking: Looking, events: Iterable[StoredEvent], only: Collection[str] | None = None) -> Texts:
        """Return the sealed texts of these events, or those of them that are named, as ``shown`` does."""
        told: dict[str, object] = {}
        seen: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for event, text, key in self._texts(events):
            if only is not None and text.sealed not in only:
                continue
            told[text.sealed] = text.opened
            if key is not None and not isinstance(text.opened, Mark):
                seen[key.person, event.stream].add(field_of(event.type, text.path))
        if self._vault is not None and seen:
            with self._vault.connection.transaction():
                for (person, stream), fields in seen.items():
                    note_opening(self._vault.connection, looking, person, stream, fields)
        return told

    def newest(self, stream: str, path: str) -> str | None:
        """Return what stands sealed at a path of the last event of a stream that has one there; it is not opened."""
        found = None
        for event in self._events([stream]):
            if event.sealed_key_id is not None:
                texts = opened_texts(event.type, event.body, event.stream, event.version, {})
                found = next((text.sealed for text in texts if text.path == path), found)
        return found

    def _events(self, streams: Iterable[str]) -> list[StoredEvent]:
        wanted = dict.fromkeys(streams, 0)
        return [event for of in self._log.load(wanted).values() for event in of] if wanted else []

    def _texts(self, events: Iterable[StoredEvent]) -> Iterator[tuple[StoredEvent, OpenedText, DataKey | None]]:
        """Yield each sealed text with its event and the key of that, where there is one."""
        sealed = [(event, event.sealed_key_id) for event in events if event.sealed_key_id is not None]
        wanted = {key_id for _, key_id in sealed}
        keys = {key.key_id: key for key in self._vault.find(wanted)} if self._vault and wanted else {}
        for event, key_id in sealed:
            for text in opened_texts(event.type, event.body, event.stream, event.version, keys):
                told = text if self._vault else text._replace(opened=Mark(SEALED_MARK))
                yield event, told, keys.get(key_id)


def as_written(text: str | None, texts: Texts) -> str | None:
    """Return a text as it was written; None where it cannot be told."""
    opened = texts.get(text, text) if text is not None else None
    return None if opened is None or isinstance(opened, Mark) else str(opened)
