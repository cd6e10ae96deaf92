"""Workers of the release before, beside a schema that a newer one has added to: all of them work as before.

To a worker a newer schema has a migration that it does not know, and columns and tables that it does not name.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from infra.addresses import postgres_address
from infra.kafka.command_client import HEADERS, OutgoingCommand
from infra.settings import Settings
from tests.support.pipeline import Pipeline, Polled, wait_for
from tests.support.soundness import caught_up
from tests.support.worker_processes import KINDS, processes
from workers.cli.exit_codes import DONE
from workers.operating.initialising import initialise
from workers.trials.bench import load

WORKERS: Final = (*KINDS, "deadlines", "credit_notes", "auditor")
RETURNS: Final = 5
MIGRATED: Final = """
    SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname IN ('rma_log', 'rma_read_meta', 'rma_vault', 'rma_audit')
"""
NOTED: Final = "INSERT INTO public.rma_migrations (name, sha256) VALUES ('9998_later.additive.sql', '')"
ACCEPTED: Final = "SELECT count(*) FROM rma_log.outcomes WHERE status = 'accepted' AND source = %s"


def add_later(dsn: str) -> None:
    """Add what an additive migration may: a column to each table that migrations made, and tables beside them."""
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(MIGRATED).fetchall()
        assert len({schema for schema, _ in tables}) == 4
        for table in (sql.Identifier(*found) for found in tables):
            connection.execute(sql.SQL("ALTER TABLE {} ADD COLUMN added_later text").format(table))
        connection.execute("CREATE TABLE rma_log.added_later (number bigint PRIMARY KEY)")
        connection.execute(NOTED)


def send(pipeline: Pipeline, commands: Sequence[OutgoingCommand]) -> None:
    pipeline.publish([Polled(one.to_bytes(), HEADERS, (one.key or "").encode()) for one in commands])


def test_all_workers_go_on_beside_a_newer_schema(settings: Settings, tmp_path: Path) -> None:
    """Those that run when it is migrated and those that start afterwards: decided, published, shown."""
    initialise(settings)
    with closing(Pipeline(settings)) as pipeline, processes(settings, tmp_path, WORKERS) as workers:

        def accepted(commands: Sequence[OutgoingCommand], in_all: int) -> None:
            send(pipeline, commands)
            found = pipeline.log.connection
            wait_for(lambda: found.execute(ACCEPTED, (load.SOURCE,)).fetchall() == [(in_all,)], "all to be accepted")

        def traded(first: int, in_all: int) -> None:
            accepted(list(load.returns(RETURNS, first=first)), in_all)
            caught_up(pipeline)

        of_one = RETURNS * load.COMMANDS_PER_RETURN
        accepted([load.publish_policy()], 1)  # in a partition of its own: else orders may be read before it
        traded(0, 1 + of_one)
        add_later(postgres_address(settings))
        traded(RETURNS, 1 + 2 * of_one)
        for worker in workers.values():
            worker.kill_and_start_again()
        traded(2 * RETURNS, 1 + 3 * of_one)

        for name, worker in workers.items():
            assert worker.end() == DONE, f"{name}: {worker.what_it_said()}"
