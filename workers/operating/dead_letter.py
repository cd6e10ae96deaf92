"""One dead letter: a record that was malformed, or parked because it made a worker fail."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self
from uuid import UUID

import orjson

from infra.envelope.command_record import read_command
from infra.kafka.record import Record
from infra.log.dead_letters import ActionTaken, Place
from infra.sealing.bodies import ERASED_MARK, SEALED_MARK, UNREADABLE_MARK
from infra.sealing.letters import DEAD_HEADER_PREFIX, Original, key_of_letter, open_letter
from infra.sealing.sealed_text import UnopenedError

VALUE_CHARS_MAX: Final = 20_000
TOLD_OF_ACTIONS: Final = ("action", "acted_at", "actor", "reason")
OWNERS: Final = ("order_id", "customer_id", "rma_id")
Header = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of the topic of dead letters: the original record, where it came from, and why it is here."""

    place: Place
    """Partition and offset on the topic of dead letters."""
    dead_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    found: dict[str, bytes]
    taken: ActionTaken | None = None
    """What was done about it last; None: it waits for somebody."""
    key_id: UUID | None = None
    """The key that it was sealed under; None: a version before did not seal it."""
    mark: str | None = None
    """Why it cannot be told what it holds (``(sealed)``, ``(erased)``, ``(unreadable)``); None: it is told."""

    @classmethod
    def of(cls, record: Record, keys: Mapping[UUID, bytes] | None) -> Self:
        """Return a Kafka record as a dead letter, our own headers apart from the original's.

        Args:
            record: Of the topic of dead letters.
            keys: Of letters; None: this process may not open any.
        """
        headers = [(name, value or b"") for name, value in record.headers]
        own = {
            name.removeprefix(DEAD_HEADER_PREFIX): value
            for name, value in headers
            if name.startswith(DEAD_HEADER_PREFIX)
        }
        key_id, original, mark = _opened(record, headers, keys)
        return cls(
            place=(record.partition, record.offset),
            dead_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
            key=original.key,
            value=None if "tombstone" in own or mark else original.value,
            headers=[header for header in original.headers if not header[0].startswith(DEAD_HEADER_PREFIX)],
            found=own,
            key_id=key_id,
            mark=mark,
        )

    @property
    def letter_id(self) -> str:
        """``partition:offset`` on the topic of dead letters."""
        return "{}:{}".format(*self.place)

    @property
    def origin(self) -> str:
        """Where the record was: topic, partition and offset."""
        return "/".join(self.found.get(name, b"?").decode() for name in ("topic", "partition", "offset"))

    @property
    def cut(self) -> bool:
        """Whether only the beginning of the record was kept."""
        return "cut" in self.found

    @property
    def reason(self) -> dict[str, Any]:
        """Why it is here: a word, and the faults by JSON path or the number of attempts."""
        loaded = orjson.loads(self.found.get("reason", b"{}"))
        return loaded if isinstance(loaded, dict) else {"reason": loaded}

    @property
    def faults(self) -> list[tuple[str, str]]:
        """What is wrong with it, by JSON path; none for a record that was parked."""
        return [(fault["path"], fault["message"]) for fault in self.reason.get("faults", ())]

    @property
    def why(self) -> str:
        """The reason in one line."""
        faults = "; ".join(f"{path}: {message}" for path, message in self.faults)
        return f"{self.reason.get('reason', 'unknown')}: {faults}" if faults else str(self.reason.get("reason", "?"))

    @property
    def command(self) -> tuple[str | None, str | None]:
        """Source and id of the command that it was, each None where it cannot be read."""
        attributes = read_command(self.headers, self.value).attributes
        return attributes.get("source"), attributes.get("id")

    @property
    def text(self) -> str | None:
        """What it holds, as text: its first ``VALUE_CHARS_MAX`` characters; None for a tombstone."""
        return None if self.value is None else self.value.decode(errors="replace")[:VALUE_CHARS_MAX]

    @property
    def is_nobodys(self) -> bool:
        """Whether it names neither an order nor a customer where a command does."""
        body = read_command(self.headers, self.value).data
        return not isinstance(body, dict) or not any(body.get(name) for name in OWNERS)

    def names(self, names: Collection[str]) -> bool:
        """Tell whether one of these names stands anywhere in the record, as a word of its own."""
        parts = [self.key or b"", self.value or b"", *(content for _, content in self.headers)]
        words = "|".join(map(re.escape, names)).encode()
        return bool(names) and any(re.search(rb"(?<![\w-])(?:" + words + rb")(?![\w-])", part) for part in parts)

    def listed(self) -> dict[str, Any]:
        """Return what a list tells of it: what was sealed stays so, whoever reads."""
        if self.key_id is None:
            return self.as_dict()
        return self.as_dict() | {"key": None, "headers": [], "value": None, "sealed": True}

    def as_dict(self) -> dict[str, Any]:
        """Return everything, bytes as text; ``mark`` says why what it holds is not among it."""
        return {
            "id": self.letter_id,
            "dead_at": self.dead_at,
            "origin": self.origin,
            "reason": self.reason,
            "action": None if self.taken is None else {name: getattr(self.taken, name) for name in TOLD_OF_ACTIONS},
            "key": None if self.key is None else self.key.decode(errors="replace"),
            "headers": [[name, value.decode(errors="replace")] for name, value in self.headers],
            "value": self.text,
            **({} if self.mark is None else {"mark": self.mark}),
        }


def key_id_of(record: Record) -> UUID | None:
    with suppress(UnopenedError):
        return key_of_letter([(name, value or b"") for name, value in record.headers])
    return None


def _opened(
    record: Record, headers: Sequence[Header], keys: Mapping[UUID, bytes] | None
) -> tuple[UUID | None, Original, str | None]:
    """Return the key's id of a letter, the record that it was, and a mark where that cannot be told."""
    key_id, mark = key_id_of(record), UNREADABLE_MARK
    if key_id is None:
        return None, Original(record.key, headers, record.value or b""), None
    if keys is None or key_id not in keys:
        mark = SEALED_MARK if keys is None else ERASED_MARK
    else:
        with suppress(UnopenedError):
            return key_id, open_letter(headers, record.value or b"", keys[key_id]), None
    return key_id, Original(None, [], b""), mark
