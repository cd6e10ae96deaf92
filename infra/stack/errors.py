"""What can go wrong with the services that everything stands on; the command line answers these with exit code 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.errors import RmaError

NONE: Final = "no local stack runs in {}"


class ServiceUnreachableError(RmaError):
    """PostgreSQL or Kafka cannot be reached."""

    code = "service_unreachable"


class StackNotRunningError(ServiceUnreachableError):
    """No address was given and no local stack runs, or not all of it: ``stopped`` names what does not."""

    code = "stack_not_running"

    def __init__(self, data_dir: object, stopped: Sequence[str] = ()) -> None:
        what = f"{' and '.join(stopped)} of the local stack in {data_dir} stopped" if stopped else NONE.format(data_dir)
        super().__init__(f"{what}, run: rma up (or set RMA_POSTGRES_DSN and RMA_KAFKA_BOOTSTRAP)")


class StackStartError(ServiceUnreachableError):
    """A service of the local stack did not start; the message ends with the last lines of its log."""

    code = "stack_start_failed"


class DownloadError(ServiceUnreachableError):
    """A file of the local stack could not be fetched, or was not the one expected."""

    code = "download_failed"
