"""The read models as a scenario sees them: rows of a view, and whether the projections are caught up."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from infra.kafka.partitioner import Placement
from infra.log.queries import last_positions
from infra.services import ServiceUnreachableError
from workers.trials.scenario.files import ScenarioError

SCHEMA: Final = "rma_read"
ROWS_MAX: Final = 1_000
CATCH_UP_TIMEOUT_S: Final = 30.0
CATCH_UP_POLL_S: Final = 0.02
CONNECT_TIMEOUT_S: Final = 10
STATEMENT_TIMEOUT_MS: Final = 10_000

POSITIONS: Final = """
SELECT projection, partition, max(log_position) AS log_position FROM rma_read.positions GROUP BY projection, partition
"""


class Views:
    """Reads the stable views of schema ``rma_read``."""

    def __init__(self, dsn: str, projections: Sequence[str], *, catch_up_timeout_s: float = CATCH_UP_TIMEOUT_S) -> None:
        """Connect; ``projections`` are those that must be caught up before a view is read.

        Raises:
            ServiceUnreachableError: PostgreSQL is away.
        """
        self._projections = tuple(projections)
        self._catch_up_timeout_s = catch_up_timeout_s
        self._columns: dict[str, tuple[str, ...]] = {}
        try:
            self._connection = psycopg.connect(
                dsn,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=CONNECT_TIMEOUT_S,
                options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
            )
        except psycopg.OperationalError as error:
            why = str(error).strip().splitlines()[0]
            raise ServiceUnreachableError(f"PostgreSQL cannot be reached: {why}") from error

    def close(self) -> None:
        self._connection.close()

    def check_columns(self, view: str, named: set[str]) -> None:
        """Raise ``ScenarioError`` where the view does not exist, or has no column of a name."""
        if view not in self._columns:
            query = "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
            rows = self._connection.execute(query, (SCHEMA, view)).fetchall()
            self._columns[view] = tuple(row["column_name"] for row in rows)
        known = self._columns[view]
        if not known:
            raise ScenarioError(f"there is no view {SCHEMA}.{view}")
        unknown = sorted(named - set(known))
        if unknown:
            raise ScenarioError(f"view {view} has no column {', '.join(unknown)}; it has {', '.join(sorted(known))}")

    def rows(self, view: str, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the rows that have these values, null included.

        Raises:
            ScenarioError: A value does not fit its column, or there are more than ``ROWS_MAX`` rows.
        """
        conditions = [
            sql.SQL("{} IS NULL" if value is None else "{} = %s").format(sql.Identifier(column))
            for column, value in where.items()
        ]
        query = sql.SQL("SELECT * FROM {}.{} WHERE {} LIMIT {}").format(
            sql.Identifier(SCHEMA),
            sql.Identifier(view),
            sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true"),
            sql.Literal(ROWS_MAX + 1),
        )
        try:
            found = self._connection.execute(query, [value for value in where.values() if value is not None]).fetchall()
        except (psycopg.DataError, psycopg.ProgrammingError) as error:
            raise ScenarioError(f"view {view} cannot be asked so: {error}") from error
        if len(found) > ROWS_MAX:
            raise ScenarioError(f"view {view} has more than {ROWS_MAX} such rows")
        return found

    def wait_for(self, reached: Mapping[int, int]) -> None:
        """Wait until every projection has handled these partitions up to these log positions.

        Raises:
            ScenarioError: One has not within the time given; names it and where it stands.
        """
        give_up_at = time.monotonic() + self._catch_up_timeout_s
        while behind := self._behind(reached):
            if time.monotonic() > give_up_at:
                raise ScenarioError(f"not caught up within {self._catch_up_timeout_s:.0f} s: {'; '.join(behind)}")
            time.sleep(CATCH_UP_POLL_S)

    def wait_for_log(self, events: Placement) -> None:
        """Wait until every projection has handled all that the log holds now; raises ``ScenarioError``."""
        ends: dict[int, int] = {}
        for key, position in last_positions(self._connection).items():
            partition = events.of(key.encode())
            ends[partition] = max(ends.get(partition, 0), position)
        self.wait_for(ends)

    def _behind(self, reached: Mapping[int, int]) -> list[str]:
        if not reached:
            return []
        rows = self._connection.execute(POSITIONS).fetchall()
        stands = {(row["projection"], row["partition"]): row["log_position"] for row in rows}
        return [
            f"{projection}, partition {partition}, is at {stands.get((projection, partition), 0)} of {position}"
            for projection in self._projections
            for partition, position in reached.items()
            if stands.get((projection, partition), 0) < position
        ]
