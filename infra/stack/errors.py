"""What can go wrong with the services that everything stands on; the command line answers these with exit code 3."""

from __future__ import annotations

from infra.services import ServiceUnreachableError


class StackStartError(ServiceUnreachableError):
    """A service of the local stack did not start; the message ends with the last lines of its log."""

    code = "stack_start_failed"


class EndedWhileStartingError(StackStartError):
    """A service ended before it answered; somebody may have taken its port in the meantime."""

    code = "stack_start_failed"


class DownloadError(ServiceUnreachableError):
    """A file of the local stack could not be fetched, or was not the one expected."""

    code = "download_failed"
