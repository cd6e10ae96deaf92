"""What can go wrong with the services that everything stands on; the command line answers these with exit code 3."""

from __future__ import annotations

from domain.errors import RmaError


class ServiceUnreachableError(RmaError):
    """PostgreSQL or Kafka cannot be reached."""

    code = "service_unreachable"


class StackNotRunningError(ServiceUnreachableError):
    """No address was given and no local stack runs."""

    code = "stack_not_running"

    def __init__(self, data_dir: object) -> None:
        super().__init__(
            f"no local stack runs in {data_dir}, run: rma up (or set RMA_POSTGRES_DSN and RMA_KAFKA_BOOTSTRAP)"
        )


class StackStartError(ServiceUnreachableError):
    """A service of the local stack did not start; the message ends with the last lines of its log."""

    code = "stack_start_failed"


class DownloadError(ServiceUnreachableError):
    """A file of the local stack could not be fetched, or was not the one expected."""

    code = "download_failed"
