"""Who may do what in PostgreSQL: the one table of rights, which `rma init` grants and a test tries out.

A role that is not named for a table has no right on it, and no role may empty or drop one. The vault's role is also
taken by workers that seal and open, beside their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from infra.roles import role_of
from projections.read_models import PROJECTIONS

Rights = Mapping[str, str]
"""What a role may do, in words of SQL, by the name of a table or view; ``*`` stands for any part of a name."""

READ: Final = "SELECT"
ADD: Final = "SELECT INSERT"
KEEP: Final = "SELECT INSERT UPDATE"
FILL: Final = "SELECT INSERT UPDATE DELETE"

EVERYONE: Final[Rights] = {"public.rma_migrations": READ, "rma_log.system": READ, "rma_log.relays": READ}
"""What each worker looks at when it starts."""

_PROJECTOR: Final[Rights] = {"rma_read_meta.positions": KEEP, "rma_read_meta.stream_versions": KEEP}
_INBOX: Final[Rights] = {**_PROJECTOR, "rma_log.events": READ}

OWN_ROWS: Final = tuple(_PROJECTOR)
"""Tables that several roles write to, each its own rows alone: those whose ``projection`` is its worker's name."""

RIGHTS: Final[Mapping[str, Rights]] = {
    role_of("commands"): {
        "rma_log.events": ADD,
        "rma_log.outcomes": ADD,
        "rma_log.outbox": ADD,
        "rma_log.tail": "SELECT UPDATE",
        "rma_log.poison": FILL,
        "rma_log.in_hand": FILL,
    },
    role_of("relay"): {
        "rma_log.events": READ,
        "rma_log.tail": READ,
        "rma_log.outbox": "SELECT DELETE",
        "rma_log.relays": "SELECT UPDATE",
    },
    **{role_of(name): {f"{name}_v*.*": FILL, **_PROJECTOR} for name in PROJECTIONS},
    role_of("deadlines"): {"rma_deadlines.*": FILL, **_INBOX},
    role_of("credit_notes"): {"rma_credit_notes.*": FILL, **_INBOX},
    role_of("payments"): {"rma_payments.*": FILL, **_INBOX},
    role_of("labels"): {"rma_labels.*": FILL, **_INBOX},
    role_of("webhooks"): {"rma_webhooks.*": FILL, **_INBOX},
    role_of("notices"): {
        "rma_notices.*": FILL,
        "rma_http.outbox": KEEP,
        "rma_http.wanted_links": "SELECT UPDATE DELETE",
        "rma_http.start_links": ADD,
        "rma_http.gift_tries": ADD,
        "rma_http.return_links": KEEP,
        "rma_http.unsubscribed": READ,
        **_INBOX,
    },
    role_of("auditor"): {
        "rma_log.events": READ,
        "rma_log.outcomes": READ,
        "rma_log.tail": READ,
        "rma_audit.*": ADD,
        "rma_audit.stops": KEEP,
    },
    role_of("vault"): {
        "rma_vault.*": FILL,
        "rma_vault.openings": ADD,
        "rma_log.events": READ,
    },
    role_of("http"): {
        "rma_read.*": READ,
        "rma_read_meta.*": READ,
        "rma_log.events": READ,
        "rma_log.outcomes": READ,
        "rma_http.*": FILL,
        "rma_notices.messages": READ,
    },
}
"""Of two names that fit a table the longer one holds."""


def rights_on(role: str, table: str) -> frozenset[str]:
    """Return what a role may do with a table or view (``schema.name``), in words of SQL."""
    fitting = {name: words for name, words in {**EVERYONE, **RIGHTS[role]}.items() if fnmatchcase(table, name)}
    longest = max(fitting, key=len, default=None)
    return frozenset() if longest is None else frozenset(fitting[longest].split())
