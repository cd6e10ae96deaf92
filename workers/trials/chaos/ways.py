"""Ways to the services through which the system goes: a network that stands still, is slow, or breaks off.

A way that breaks off first loses what the service says, while what is said to it still arrives: whoever waits for an
answer then cannot know whether his work was done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Final

from infra.stack.ports import LOOPBACK

CHUNK_BYTES: Final = 65_536
DELAY_S: Final = 0.2
"""How much later each part comes, there and back, where a way is slow."""
UNHEARD_S: Final = 0.3
"""How long answers are lost before a way breaks off."""

Block = Callable[["Way", float], Coroutine[None, None, None]]
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Way:
    """A port at which a service is reached, unless the way is blocked; all of it runs in the loop of ``Ways``."""

    def __init__(self, service_port: int) -> None:
        self.port = 0
        self._to = service_port
        self._goes = asyncio.Event()
        self._goes.set()
        self._delay_s = 0.0
        self._unheard = False
        self._broken = False
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self) -> asyncio.Server:
        """Take a port, and hand on whatever comes there."""
        server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def stall(self, seconds: float) -> None:
        """Let nothing through for a while, and all of it then."""
        self._goes.clear()
        await asyncio.sleep(seconds)
        self._goes.set()

    async def delay(self, seconds: float) -> None:
        """Let everything come late for a while."""
        self._delay_s = DELAY_S
        await asyncio.sleep(seconds)
        self._delay_s = 0.0

    async def drop(self, seconds: float) -> None:
        """Lose what the service says, then break every connection, and open none for a while."""
        self._unheard = True
        await asyncio.sleep(UNHEARD_S)
        self._broken = True
        self.break_off()
        self._unheard = False
        await asyncio.sleep(seconds)
        self._broken = False

    def break_off(self) -> None:
        """Break every connection."""
        for writer in self._open:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._goes.wait()
        try:
            if self._broken:
                raise ConnectionResetError("the way is broken")
            far = await asyncio.open_connection(LOOPBACK, self._to)
        except OSError:
            writer.transport.abort()
            return
        near = (reader, writer)
        self._open |= {writer, far[1]}
        await asyncio.gather(self._hand_on(near, far, answers=False), self._hand_on(far, near, answers=True))
        self._open -= {writer, far[1]}

    async def _hand_on(self, source: Ends, target: Ends, *, answers: bool) -> None:
        """Hand on what one end says to the other, until either breaks off; both end then."""
        with suppress(OSError):
            while part := await source[0].read(CHUNK_BYTES):
                await asyncio.sleep(self._delay_s)
                await self._goes.wait()
                if not (answers and self._unheard):
                    target[1].write(part)
                    await target[1].drain()
        for writer in (source[1], target[1]):
            writer.close()


BLOCKS: Final[Mapping[str, Block]] = {"stall": Way.stall, "delay": Way.delay, "drop": Way.drop}
"""How a way is blocked, by name."""


class Ways:
    """The loop in which all ways of a run are, in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._made: list[tuple[Way, asyncio.Server]] = []

    def to(self, service_port: int) -> Way:
        """Open a way to a port of this machine, whether anybody listens there or not."""
        return asyncio.run_coroutine_threadsafe(self._make(service_port), self.loop).result()

    def block(self, way: Way, how: Block, seconds: float) -> None:
        """Block a way for so long; return once it is mended."""
        asyncio.run_coroutine_threadsafe(how(way, seconds), self.loop).result()

    async def _make(self, service_port: int) -> Way:
        way = Way(service_port)
        self._made.append((way, await way.listen()))
        return way

    async def close(self) -> None:
        """Break off whatever is still open; runs in the loop."""
        for way, server in self._made:
            server.close()
            way.break_off()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@contextmanager
def ways() -> Iterator[Ways]:
    """Keep ways open while the block lasts."""
    made = Ways()
    thread = Thread(target=made.loop.run_forever, name="ways")
    thread.start()
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(made.close(), made.loop).result()
        made.loop.call_soon_threadsafe(made.loop.stop)
        thread.join()
        made.loop.close()
