"""The report of a backtest as a Parquet file, made from its CSV, so that both hold the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import duckdb

from workers.policies.what_if import ChangedLine

INTEGERS: Final = frozenset({"line", "quantity", "policy_version"})


def _type_of(column: str) -> str:
    if column == "requested_at":
        return "TIMESTAMPTZ"
    return "BIGINT" if column in INTEGERS or column.endswith("_minor") else "VARCHAR"


def write_parquet(table: Path, file: Path, columns: Sequence[str] = ChangedLine._fields) -> None:
    """Write a CSV of changed lines as a Parquet file, each column with its type."""
    types = ", ".join(f"'{column}': '{_type_of(column)}'" for column in columns)
    source, target = (str(path).replace("'", "''") for path in (table, file))
    with closing(duckdb.connect()) as connection:
        written = "header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"'"
        rows = f"SELECT * FROM read_csv('{source}', {written}, columns = {{{types}}})"  # noqa: S608 - quoted above
        connection.execute(f"COPY ({rows}) TO '{target}' (FORMAT parquet)")
