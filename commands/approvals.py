"""Whether a command needs a second person by the policy that its order is held to."""

from __future__ import annotations

from commands.metadata import Meta
from commands.streams import Streams, find_policy
from domain.order import Order
from domain.settlement import approval


def check(streams: Streams, order: Order, meta: Meta, approved_by: str | None, amount_minor: int = 0) -> None:
    """Let a command pass that needs no second person, or has one; raises what ``approval.check`` does.

    Args:
        streams: Where the policy is.
        order: Whose money it is.
        meta: Who sends the command.
        approved_by: The second person; None: there is none.
        amount_minor: What the command moves by a person's own figure, minor units; policy's figures are nobody's.
    """
    limit_minor = _limit_minor(streams, order) if amount_minor and meta.actor_kind == "agent" else None
    approval.check(approved_by, actor_id=meta.actor_id, amount_minor=amount_minor, limit_minor=limit_minor)


def _limit_minor(streams: Streams, order: Order) -> int | None:
    policy = find_policy(streams, order.policy_id)
    if policy is None or order.policy is None:
        return None
    return policy.version_numbered(order.policy.number).document.limits.agent_minor
