"""A real PostgreSQL and a real Kafka for one run by hand, which go with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.settings import Settings
from infra.stack.local import down, up
from workers.operating.initialising import initialise


@contextmanager
def own_stack() -> Iterator[Settings]:
    """Start both, initialise a system on them, and yield its settings; its keys lie in the same folder."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        where = up(folder / "stack")
        settings = Settings(
            postgres_dsn=where.postgres_dsn, kafka_bootstrap=where.kafka_bootstrap,
            audit_key_file=folder / "audit.key", vault_key_file=folder / "vault.key", log_level="error",
        )  # fmt: skip
        try:
            initialise(settings)
            yield settings
        finally:
            down(folder / "stack")
