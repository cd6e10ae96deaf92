"""Commands on their way to Kafka: acknowledged before anybody is told that they were taken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any, Final

from infra.kafka.publisher import Publisher
from workers.http.errors import UnavailableError
from workers.http.incoming import Incoming

SEND_MAX_S: Final = 8.0
"""How long Kafka may take to acknowledge before the caller is told to ask again."""
THREADS: Final = 4
UNDER_WAY_MAX: Final = 200
"""Requests whose commands may be on their way at once; more are told to come again."""
AWAY: Final = "Kafka does not answer; whether it took the command is not known: send it again under the same id"


class Outbound:
    """Publishes commands for requests, without holding up those that only read while Kafka is away.

    Args:
        publisher: Closed with this.
        topic: Where commands go.
        send_max_s: Longest wait for Kafka.
    """

    def __init__(self, publisher: Publisher, topic: str, *, send_max_s: float = SEND_MAX_S) -> None:
        self._publisher, self._topic, self._send_max_s = publisher, topic, send_max_s
        self._threads = ThreadPoolExecutor(THREADS, "http-send")
        self._under_way = BoundedSemaphore(UNDER_WAY_MAX)

    async def publish(self, commands: Sequence[Incoming]) -> list[str | None]:
        """Publish commands in their order, wait until Kafka has them all, and return where each lies, if it says so.

        Raises:
            UnavailableError: Kafka did not acknowledge each of them in time. Some may be there, or may come to be.
        """
        if not self._under_way.acquire(blocking=False):
            raise UnavailableError("too many commands are on their way")
        loop = asyncio.get_running_loop()
        try:
            sent = loop.run_in_executor(self._threads, self._send, commands)
            async with asyncio.timeout(self._send_max_s):
                futures = await asyncio.shield(sent)
                return await asyncio.gather(*(_taken(future, loop) for future in futures))
        except TimeoutError as late:
            raise UnavailableError(AWAY) from late
        except Exception as refused:
            raise UnavailableError(f"{AWAY} ({type(refused).__name__})") from refused
        finally:
            self._under_way.release()

    def publish_now(self, commands: Sequence[Incoming]) -> None:
        """Publish commands and wait until Kafka has them all; raises ``kafka.errors.KafkaError``."""
        sent = self._send(commands)
        self._publisher.flush()
        for future in sent:
            future.get(timeout=0)

    def _send(self, commands: Sequence[Incoming]) -> list[Any]:
        sent = []
        for command in commands:
            key = None if command.key is None else command.key.encode()
            sent.append(self._publisher.send(self._topic, key, command.value, command.headers))
        return sent

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._publisher.close()


async def _taken(future: Any, loop: asyncio.AbstractEventLoop) -> str | None:
    """Wait for a future of the Kafka client, which calls back from a thread of its own, and return the record's place.

    None: the broker has it, and does not say where, as of what it had before. Raises what the future failed with.
    """
    done: asyncio.Future[str | None] = loop.create_future()

    def settle(place: str | None, error: BaseException | None = None) -> None:
        if not done.done():
            done.set_exception(error) if error else done.set_result(place)

    future.add_callback(lambda metadata: loop.call_soon_threadsafe(settle, _place(metadata)))
    future.add_errback(lambda error: loop.call_soon_threadsafe(settle, None, error))
    return await done


def _place(metadata: Any) -> str | None:
    return f"{metadata.partition}:{metadata.offset}" if metadata.offset >= 0 else None
