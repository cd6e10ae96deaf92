"""What can be set from outside, by environment variables that begin with ``RMA_``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Compression = Literal["none", "gzip", "snappy", "lz4", "zstd"]


class Settings(BaseSettings):
    """Settings of every process; each field is read from ``RMA_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix="RMA_", frozen=True, extra="forbid")

    postgres_dsn: str | None = None
    """Where PostgreSQL is; None: the local stack that runs in ``data_dir``."""
    kafka_bootstrap: str | None = None
    """Where Kafka is (``host:port``, several by commas); None: the local stack that runs in ``data_dir``."""
    data_dir: Path = Path(".rma")
    """The local stack's folder."""
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    """Put before every topic and consumer group, so that several systems can share one Kafka."""

    instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    """Name of this process that outlives its restarts: after a crash it has its partitions back at once, instead of
    when its session has timed out. No two workers of one kind may share it. None: no such name."""

    partitions: Annotated[int, Field(ge=1, le=1_000)] = 6
    kafka_compression: Compression = "gzip"
    """What our records are compressed by. Every client reads ``none`` and ``gzip``; not so the others."""
    replication_factor: Annotated[int, Field(ge=1, le=10)] = 1
    min_insync_replicas: Annotated[int, Field(ge=1, le=10)] = 1

    command_batch_records_max: Annotated[int, Field(ge=1, le=5_000)] = 500
    """Commands decided and stored in one transaction."""
    relay_batch_records_max: Annotated[int, Field(ge=1, le=20_000)] = 2_000
    """Log entries published before the relay moves its position."""
    projector_batch_records_max: Annotated[int, Field(ge=1, le=20_000)] = 2_000
    """Events folded into a read model in one transaction."""

    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Port of ``/metrics`` and ``/healthz``; 0: none."""
    log_format: Literal["json", "console"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    gateway_url: str | None = None
    """The payment gateway; without one no payout is handed over."""

    def named(self, name: str) -> str:
        """Return the full name of a topic or consumer group."""
        return f"{self.topic_prefix}{name}"
