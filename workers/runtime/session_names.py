"""What a worker's sessions at PostgreSQL are called, so that one sees there which workers run."""

from __future__ import annotations

import os
import socket
from typing import Final

from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from infra.addresses import postgres_address
from infra.settings import Settings

NAME_BYTES_MAX: Final = 63
"""PostgreSQL cuts longer names of sessions."""


def named(settings: Settings, worker: str) -> Settings:
    """Return settings under which every session at PostgreSQL says which worker, and which process, it belongs to."""
    name = f"{prefix_of(worker)}{os.getpid()}@{socket.gethostname()}".encode()[:NAME_BYTES_MAX].decode(errors="ignore")
    conninfo = make_conninfo(postgres_address(settings), application_name=name)
    return settings.model_copy(update={"postgres_dsn": SecretStr(conninfo)})


def prefix_of(worker: str) -> str:
    """Return what the names of a worker's sessions begin with."""
    return f"rma {worker} "
