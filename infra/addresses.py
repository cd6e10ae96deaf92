"""Where PostgreSQL and Kafka are: as set, else those of the running local stack."""

from __future__ import annotations

from infra.kafka_address import kafka_address
from infra.services import Addresses, StackNotRunningError, recorded_stack
from infra.settings import Settings


def addresses(settings: Settings) -> Addresses:
    """Return where PostgreSQL and Kafka are: as set, else those of the running local stack.

    Raises:
        StackNotRunningError: One is not set, and no local stack runs in ``data_dir``.
    """
    if settings.postgres_dsn and settings.kafka_bootstrap:
        return Addresses(settings.postgres_dsn, kafka_address(settings.kafka_bootstrap, settings))
    set_already = {"postgres": settings.postgres_dsn, "kafka": settings.kafka_bootstrap}
    local = _local(settings, {name for name, address in set_already.items() if not address})
    given = settings.kafka_bootstrap and kafka_address(settings.kafka_bootstrap, settings)
    return Addresses(settings.postgres_dsn or local.postgres_dsn, given or local.kafka_bootstrap)


def postgres_address(settings: Settings) -> str:
    """Return what to connect to PostgreSQL with, password and all; to be handed to the driver and to nobody else.

    Raises:
        StackNotRunningError: It is not set, and no local stack's PostgreSQL runs in ``data_dir``.
    """
    return (settings.postgres_dsn or _local(settings, {"postgres"}).postgres_dsn).get_secret_value()


def _local(settings: Settings, needed: set[str]) -> Addresses:
    """Return the addresses of the local stack, of which the processes needed have to run."""
    found = recorded_stack(settings.data_dir)
    stopped = [name for name in found.stopped() if name in needed] if found else []
    if found is None or stopped:
        raise StackNotRunningError(settings.data_dir, stopped)
    return found.addresses
