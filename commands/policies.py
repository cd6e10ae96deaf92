"""What a merchant says of policy: a version published."""

from __future__ import annotations

from commands.fields import (
    Body,
    Identifier,
    Instant,
)
from commands.metadata import Meta
from commands.registry import handles
from commands.streams import Streams, find_policy
from domain.policy.document import PolicyDocument
from domain.policy.return_policy import ReturnPolicy


class PublishPolicy(Body):
    """Publish a version of a return policy, in force for orders placed from ``effective_from`` on."""

    policy_id: Identifier
    effective_from: Instant
    document: PolicyDocument


@handles(PublishPolicy, by="system agent")
def publish_policy(command: PublishPolicy, meta: Meta, streams: Streams) -> None:
    policy = find_policy(streams, command.policy_id)
    if policy is None:
        streams.add(ReturnPolicy.publish(command.policy_id, command.effective_from, command.document, meta.occurred_at))
    else:
        policy.revise(command.effective_from, command.document, meta.occurred_at)
