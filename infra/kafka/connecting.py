"""Connecting to a broker: an attempt that comes to nothing leaves no socket open.

kafka-python 3.0.12 makes a socket, and forgets it where the broker refuses, does not answer in time, or the client is
closed while it still connects, as a worker's is that is stopped right after its start.
"""

from __future__ import annotations

from typing import Any

from kafka.net.inet import KafkaNetSocket


async def _connect(
    self: Any, net: Any, address: tuple[Any, ...], socket_options: Any = (), timeout_at: float | None = None
) -> Any:
    """Return a connected socket, as the client's own does; whatever ends the attempt closes it."""
    family, kind, protocol, _, where = address
    made = self.socket(family, kind, protocol)
    try:
        made.setblocking(False)
        for option in socket_options:
            made.setsockopt(*option)
        return await self.sock_connect(net, made, where, timeout_at=timeout_at)
    except BaseException:  # a coroutine that is closed is told so by GeneratorExit
        made.close()
        raise


def install() -> None:
    """Let every client of this process connect this way."""
    KafkaNetSocket.connect = _connect
