"""Drawing, trying, keeping."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.fuzz import keeping
from tests.fuzz.targets import Target, drawn, outcome
from tests.support.pipeline import Polled


@dataclass
class Tried:
    """What came of trying one target: how often each outcome, and the shortest record of each."""

    target: Target
    kept: dict[str, Polled] = field(default_factory=dict)
    came: Counter[str] = field(default_factory=Counter)

    def take(self, record: Polled) -> None:
        """Try a record; keep it where nothing shorter came to the same. Raises ``FuzzError``."""
        came = outcome(record)
        self.came[came.partition(" ")[0].rstrip(",")] += 1
        known = self.kept.get(came)
        if keeping.size(record) <= keeping.KEPT_BYTES_MAX and (
            known is None or keeping.size(record) < keeping.size(known)
        ):
            self.kept[came] = record


def known(target: Target) -> Tried:
    """Try what is kept for a target."""
    tried = Tried(target)
    for record in keeping.read(target):
        tried.take(record)
    return tried


def tried(target: Target, seed: int, *, records: int | None = None, seconds: float | None = None) -> Tried:
    """Try what is kept, then so many records that nobody has sent, or for so long; the same for the same seed.

    Raises:
        FuzzError: Something crashed or hung; the message holds the record.
    """
    chance, done = random.Random(f"{target} {seed}"), known(target)  # noqa: S311 - repeatable on purpose
    began, number = time.monotonic(), 0
    while (records is None or number < records) and (seconds is None or time.monotonic() - began < seconds):
        done.take(drawn(target, chance, list(done.kept.values())))
        number += 1
    return done
