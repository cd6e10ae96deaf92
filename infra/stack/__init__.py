"""The local stack: real PostgreSQL and real Apache Kafka on this machine, without Docker."""

from __future__ import annotations

from infra.stack.local import down, up
from infra.stack.state import Addresses

__all__ = ["Addresses", "down", "up"]
