"""A command worker of the test tree that some record kills.

``python -m tests.support.doomed RECORDS KILLER`` takes one batch of orders, ``c-0`` and so on, in hand as if
polled from partition 0. Handling number ``KILLER`` kills the process, as a fault in a library written in C would.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from dataclasses import replace
from typing import Any

from kafka.structs import TopicPartition

from commands.registry import REGISTRATIONS
from infra.addresses import postgres_address
from infra.kafka.topics import TopicNames
from infra.log.event_log import EventLog
from infra.log.poison import PoisonRecords
from infra.logs import configure
from infra.sealing.vault import open_vault
from infra.settings import Settings
from tests.support.pipeline import Polled, command, order
from workers.command_worker.sealing import Sealing
from workers.command_worker.worker import CommandWorker
from workers.runtime.every_event import make_codec

TYPE = "rma.RegisterOrder.v1"


def batch(records: int) -> list[Polled]:
    """Return so many orders as records, the same for whoever asks."""
    made = [command("RegisterOrder", order(f"O-{n}"), id=f"c-{n}", key=f"O-{n}".encode()) for n in range(records)]
    return [Polled(one.value, one.headers, one.key, offset=number) for number, one in enumerate(made)]


def plant(killer: int) -> None:
    """Let the handler of an order kill the process."""
    original = REGISTRATIONS[TYPE]

    def handle(body: Any, meta: Any, *rest: Any) -> None:
        if meta.command_id == f"c-{killer}":
            os.kill(os.getpid(), signal.SIGKILL)
        original.handler(body, meta, *rest)

    REGISTRATIONS[TYPE] = replace(original, handler=handle)


def main(records: str, killer: str) -> None:
    configure("json", "error")
    plant(int(killer))
    settings = Settings()
    topics = TopicNames(settings.topic_prefix)
    with closing(EventLog(postgres_address(settings))) as log, closing(open_vault(settings)) as vault:
        worker = CommandWorker(log, make_codec(), topics, PoisonRecords(log), sealing=Sealing(vault))
        polled = batch(int(records))
        worker.handle({TopicPartition(polled[0].topic, 0): polled})


if __name__ == "__main__":
    main(*sys.argv[1:])
