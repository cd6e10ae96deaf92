"""What comes with a command beside its body."""

from __future__ import annotations

from datetime import datetime
from typing import cast, get_args

from domain.values import dataclass
from domain.vocabularies import ActorKind

ACTOR_ID_MAX = 200
ACTOR_KINDS = frozenset(get_args(ActorKind))


@dataclass(frozen=True, slots=True)
class Meta:
    """A command's CloudEvents attributes; ``(source, command_id)`` is its idempotency key."""

    command_id: str
    source: str
    type: str
    occurred_at: datetime
    actor_kind: ActorKind
    actor_id: str
    correlation_id: str | None = None
    causation_id: str | None = None


def parse_actor(text: str) -> tuple[ActorKind, str]:
    """Return kind and id of an actor written ``kind:id``; a ``ValueError`` says what is wrong."""
    kind, colon, name = text.partition(":")
    if not colon or not name or len(name) > ACTOR_ID_MAX or not name.isprintable():
        raise ValueError("an actor is written kind:id")
    if kind not in ACTOR_KINDS:
        raise ValueError(f"unknown kind of actor; known: {', '.join(sorted(ACTOR_KINDS))}")
    return cast("ActorKind", kind), name
