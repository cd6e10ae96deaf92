"""The list of workers. What runs, starts, watches and describes them reads it: `rma work`, `rma status`, tests."""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final, Literal

from domain.errors import UnusableInputError

if TYPE_CHECKING:
    from threading import Event

    from infra.settings import Settings

READ_MODELS: Final = {
    "tracking": "returns, lines and their timeline",
    "refund_ledger": "refunds, payouts and the ledger",
    "return_reasons": "reasons, causes and rates",
}
"""What each read model shows. Named here, because importing them takes longer than ``--help`` may."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One process of the platform.

    Args:
        name: For people, metrics and ``--without``.
        does: What it does, in one sentence.
        runs: Module and name of the function that does it, given settings, a stop event and its
            figures; imported when it is run.
        reads: What it works through, and so where its progress is: commands, by Kafka's offsets of its group; the log,
            by the relay's row; events, by the positions stored with what it fills; log and topic beside each other, by
            what of them is signed; requests: it has none.
        of: The read model it fills, for a projector.
        needs: The settings of which it needs one; without any of them it has nothing to do.
    """

    name: str
    does: str
    runs: str
    reads: Literal["commands", "log", "events", "log_and_topic", "requests"] = "events"
    of: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        """What follows ``rma work`` to run it."""
        return (self.name,) if self.of is None else ("projector", self.of)

    def wanted(self, settings: Settings) -> bool:
        """Tell whether it has anything to do under these settings."""
        return not self.needs or any(getattr(settings, name) for name in self.needs)

    def run(self, settings: Settings, stop: Event) -> None:
        """Wait for the services, then work until ``stop`` is set; raises whatever ends the worker before.

        ``SettingMissingError`` comes at once, where it has nothing to do under these settings.
        """
        if not self.wanted(settings):
            raise SettingMissingError(self)
        started = resolve_name("workers.runtime.starting:started")
        with started(settings, self.name, stop) as metrics:
            own = resolve_name("infra.roles:in_role")(settings, self.name)
            resolve_name(self.runs)(own, stop, metrics, *([] if self.of is None else [self.of]))


WORKERS: Final = (
    Worker(
        "commands",
        "Handle commands: decide each one, record its events and its answer.",
        "workers.command_worker.worker:run",
        reads="commands",
    ),
    Worker("relay", "Publish recorded events and answers, in log order.", "workers.relay:run", reads="log"),
    *(
        Worker(name, f"Fill the read model of {shows}.", "workers.projector.projector:run", of=name)
        for name, shows in READ_MODELS.items()
    ),
    Worker("deadlines", "Pass deadlines when their instant comes.", "workers.deadlines.worker:run"),
    Worker("credit_notes", "Have a credit note issued for every refund.", "workers.credit_notes.worker:run"),
    Worker(
        "auditor",
        "Compare log and topic and sign what agrees; needs RMA_AUDIT_KEY_FILE.",
        "workers.auditor.worker:run",
        reads="log_and_topic",
        needs=("audit_key_file",),
    ),
    Worker(
        "payments",
        "Hand payouts to the gateway and tell the log what came of them; needs RMA_GATEWAY_URL.",
        "workers.payments.worker:run",
        needs=("gateway_url",),
    ),
    Worker(
        "vault",
        "Open sealed texts for those who may see them; needs RMA_VAULT_SOCKET.",
        "workers.vault.worker:run",
        reads="requests",
        needs=("vault_socket",),
    ),
    Worker(
        "labels",
        "Have labels made for goods that come back; needs RMA_SITES_FILE.",
        "workers.labels.worker:run",
        needs=("sites_file",),
    ),
    Worker(
        "webhooks",
        "Tell other systems of events, by webhooks; needs RMA_WEBHOOKS.",
        "workers.webhooks.worker:run",
        needs=("webhooks",),
    ),
    Worker(
        "notices",
        "Write to customers; needs RMA_SMTP_URL.",
        "workers.notices.worker:run",
        needs=("smtp_url",),
    ),
    Worker(
        "http",
        "Answer the HTTP API; needs RMA_HTTP_KEYS_FILE or RMA_HTTP_JWKS_URL.",
        "workers.http.worker:run",
        reads="requests",
        needs=("http_keys_file", "http_jwks_url"),
    ),
)


class SettingMissingError(UnusableInputError):
    """A worker lacks the setting without which it has nothing to do."""

    code = "setting_missing"

    def __init__(self, worker: Worker) -> None:
        wanted = " or ".join(f"RMA_{name.upper()}" for name in worker.needs)
        super().__init__(f"the worker {worker.name} needs {wanted}, which is not set, or empty")


class UnknownWorkerError(UnusableInputError):
    """There is no worker of this name."""

    code = "unknown_worker"

    def __init__(self, name: str) -> None:
        known = ", ".join(worker.name for worker in WORKERS)
        super().__init__(f"there is no worker {name}; there are {known}")


def worker_named(name: str) -> Worker:
    """Return a worker by its name; raises ``UnknownWorkerError``, which names those there are."""
    for worker in WORKERS:
        if worker.name == name:
            return worker
    raise UnknownWorkerError(name)
