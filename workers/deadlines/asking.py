"""Asking how it went: once, some days after a return is over, as its policy says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from psycopg import Connection

from domain.case.notices import may_be_asked
from domain.fact import AggregateRoot
from domain.identity import policy_stream, rma_stream
from domain.policy.document import FEEDBACK_AFTER_DAYS
from domain.policy.return_policy import ReturnPolicy
from domain.rma import Rma
from infra.envelope.codec import Codec
from infra.kafka.command_client import OutgoingCommand
from infra.log.event_log import EventLog
from infra.log.queries import EventIds, ids_at
from workers.deadlines.table import OverReturn, ask_at, forget, newly_over, to_ask
from workers.projector.inbox import Outlet

SOURCE: Final = "/rma/deadlines"
ACTOR: Final = "clock:deadlines"
LOOKED_AT_MAX: Final = 100
HISTORY_AFTER: Final = timedelta(days=1)
"""News may come late; what is recorded so long after it was is history that is loaded."""
ASKED_AT_ONCE_MAX: Final = 500

LOG = structlog.get_logger()


def work_out(connection: Connection, log: EventLog, codec: Codec) -> int:
    """Work out when the customers of returns that are over are to be asked, at most 100; return how many there were.

    History that is loaded is history: whoever would have been asked a day before it was recorded is not asked.
    """
    found = newly_over(connection, limit=LOOKED_AT_MAX)
    if not found:
        return 0
    returns = _returns(found, log, codec)
    policies = _loaded({policy_stream(rma.policy.policy_id) for rma in returns.values()}, log, codec)
    for over in found:
        rma = returns.get(over.rma_id)
        policy = policies.get(policy_stream(rma.policy.policy_id)) if rma else None
        at = over.resolved_at + _days(rma, policy) if rma else over.resolved_at
        if at < over.recorded_at - HISTORY_AFTER:
            forget(connection, [over])
        else:
            ask_at(connection, over, at)
    return len(found)


def _days(rma: Rma, policy: AggregateRoot | None) -> timedelta:
    """Return how long after the end of a return its policy lets ask."""
    document = policy.version_numbered(rma.policy.number).document if isinstance(policy, ReturnPolicy) else None
    return timedelta(days=document.feedback_after_days if document else FEEDBACK_AFTER_DAYS)


def _returns(found: Sequence[OverReturn], log: EventLog, codec: Codec) -> dict[UUID, Rma]:
    loaded = _loaded({rma_stream(over.rma_id) for over in found}, log, codec)
    return {rma.rma_id: rma for rma in loaded.values() if isinstance(rma, Rma)}


def _loaded(streams: Iterable[str], log: EventLog, codec: Codec) -> dict[str, AggregateRoot | None]:
    """Return what streams add up to now; what people wrote stays sealed."""
    loaded = dict[str, AggregateRoot | None]()
    for stream, events in log.load(dict.fromkeys(streams, 0)).items():
        for one in events:
            fact = codec.decode(one.type, one.stream, one.version, one.occurred_at, one.body)
            loaded[stream] = fact.mutate(loaded.get(stream))
    return loaded


def ask(connection: Connection, log: EventLog, codec: Codec, outlet: Outlet, now: datetime) -> int:
    """Publish a command for every customer who is to be asked now, at most 500; return how many there were."""
    found = to_ask(connection, now, limit=ASKED_AT_ONCE_MAX)
    if found:
        asked = _fitting(found, log, codec)
        set_by = ids_at(connection, (over.set_at for over in asked))
        outlet.publish([command_of(over, now, set_by.get(over.set_at)) for over in asked])
        forget(connection, found)
        for over in asked:
            LOG.info("feedback_asked", order_id=over.order_id, rma_id=str(over.rma_id))
    return len(found)


def _fitting(found: Sequence[OverReturn], log: EventLog, codec: Codec) -> list[OverReturn]:
    """Return those of the returns that came to their end with goods or money."""
    returns = _returns(found, log, codec)
    return [over for over in found if (rma := returns.get(over.rma_id)) and may_be_asked(rma)]


def command_of(over: OverReturn, now: datetime, set_by: EventIds | None) -> OutgoingCommand:
    """Return the command by which a customer is asked: the same for the same end of his return."""
    return OutgoingCommand(
        type="AskFeedback",
        id=f"{over.rma_id}/feedback/{over.resolved_at.astimezone(UTC).isoformat()}",
        source=SOURCE,
        key=over.order_id,
        time=now,
        actor=ACTOR,
        data={"order_id": over.order_id, "rma_id": str(over.rma_id)},
        correlation_id=set_by and set_by.correlation_id,
        causation_id=set_by and str(set_by.event_id),
    )
