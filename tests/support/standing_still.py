"""A service of the tests that stands still for a while: its connections stay open, and nobody answers."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def standing_still(address: str) -> Iterator[None]:
    """Hold what listens at an address of this machine, such as ``127.0.0.1:9092``, while the block lasts."""
    port = int(address.rpartition(":")[2])
    [pid] = {
        one.pid
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr[1:] == (port,) and one.pid
    }
    process = psutil.Process(pid)
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)
