"""Customers whose identifier is an e-mail address: it stays plain for ever, in streams, keys and actors."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from infra.metrics import WorkerMetrics
from workers.command_worker.intake import ParsedCommand

LOG = structlog.get_logger()


def tell_address_ids(commands: Iterable[ParsedCommand], metrics: WorkerMetrics) -> None:
    """Count commands that name a customer by what looks like an address, and warn, without repeating any."""
    count = sum("@" in (command.command.named("customer_id") or "") for command in commands)
    if count:
        metrics.address_ids(count)
        LOG.warning("customer_ids_are_addresses", commands=count)
