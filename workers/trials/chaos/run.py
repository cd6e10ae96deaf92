"""One run: start the system on services of its own, send a load, break things, let it settle, check everything."""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from os import getpid
from pathlib import Path
from tempfile import gettempdir
from typing import Final

import orjson
import psycopg
from pydantic import SecretStr

from infra.addresses import postgres_address
from infra.kafka.publisher import publisher_of
from infra.kafka.topics import TopicNames
from infra.log.auditing import is_answered
from infra.sealing.master_keys import read_master_keys
from infra.services import Addresses
from infra.sessions import connect
from infra.settings import Settings
from infra.stack.local import remove_abandoned
from workers.operating.initialising import initialise
from workers.projector.projector import prepare
from workers.registry import READ_MODELS, WORKERS
from workers.runtime.clock import utc_now
from workers.trials.bench.processes import conditions
from workers.trials.chaos import checks, outside_checks, views
from workers.trials.chaos.breaking import Breaker
from workers.trials.chaos.evidence import Evidence, gather
from workers.trials.chaos.fold import fold
from workers.trials.chaos.load import POLICIES, RESTOCKING_BPS, SITE, Sent, first, load
from workers.trials.chaos.outside import Outside, outside
from workers.trials.chaos.report import Counts, Report
from workers.trials.chaos.schedule import ON_DISKS, WEIGHTS, FaultKind, PlannedFault, schedule
from workers.trials.chaos.sending import sending
from workers.trials.chaos.services import Services, services
from workers.trials.chaos.settling import SETTLED_WITHIN_S, not_at_work, settle
from workers.trials.chaos.worker_processes import PROGRAM, TWINS, Workers, workers
from workers.trials.gateway_simulator.payouts import StoredPayout
from workers.trials.gateway_simulator.server import GatewayServer, MisbehaviourPlan
from workers.webhooks import subscriptions
from workers.webhooks.table import WebhookTable

FOLDER_PREFIX: Final = "chaos-"
FAILED_PREFIX: Final = "failed-chaos-"
"""What is left of a run that failed is called so: the next run removes what others left behind."""
PARTITIONS: Final = 4
COMMANDS_PER_SECOND: Final = 25.0
AFTER_THE_LAST_FAULT_S: Final = 5.0
POLICIES_WITHIN_S: Final = 120.0
BEGUN_WITHIN_S: Final = 120.0
"""Faults come once every worker works: what breaks a system that has not begun finds nothing."""
LOOK_EVERY_S: Final = 0.1
DIFFERENCES_MAX: Final = 20
"""So many of one check are kept: the first says most."""

SITES: Final = (SITE, "default")
SENDER: Final = "returns@shop.example"
PAGES: Final = "https://returns.example"
BEFORE_ALL: Final = datetime(2020, 1, 1, tzinfo=UTC)
MISBEHAVIOUR: Final[dict[str, float]] = {"fail": 0.08, "hang": 0.08, "twice": 0.05, "late": 0.08, "lose": 0.08}
COMMAND_BATCH: Final = 20
EVENT_BATCH: Final = 100
"""Small, so that there is more to tear apart."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does; the same plan does the same again.

    Args:
        faults: How many.
        seed: All chance follows from it.
        duration_s: Over how long they are spread; None: as they come.
        weights: Which kinds there are, and how often each comes.
        twins: How many of each worker run.
        program: What a worker's command line begins with.
        per_second: Records of the load.
        hit: Kinds of worker that faults of workers hit; none named: all.
        load_at_least_s: How long the load lasts, where faults take less.
        settled_within_s: How long the system may take, once all is mended, until nothing is left to do.
    """

    faults: int
    seed: int
    duration_s: float | None = None
    weights: Mapping[FaultKind, int] = field(default_factory=lambda: WEIGHTS)
    twins: Mapping[str, int] = field(default_factory=lambda: TWINS)
    program: Sequence[str] = PROGRAM
    per_second: float = COMMANDS_PER_SECOND
    hit: Sequence[str] = ()
    load_at_least_s: float = 0.0
    settled_within_s: float = SETTLED_WITHIN_S

    @property
    def records(self) -> int:
        """How many records the load has."""
        faults = self.schedule()
        lasts_s = (faults[-1].at_s if faults else 0.0) + AFTER_THE_LAST_FAULT_S
        return math.ceil(self.per_second * max(lasts_s, self.load_at_least_s))

    def schedule(self) -> list[PlannedFault]:
        """Return the faults, by when they begin."""
        hit = {kind: count for kind, count in self.twins.items() if kind in self.hit or not self.hit}
        names = [f"{kind}-{number}" for kind, count in hit.items() for number in range(1, count + 1)]
        drawn = list(schedule(self.seed, self.faults, names, list(READ_MODELS), self.weights))
        if self.duration_s is None or not drawn:
            return drawn
        stretch = self.duration_s / drawn[-1].at_s
        return [replace(fault, at_s=fault.at_s * stretch) for fault in drawn]


def run_chaos(data_dir: Path, plan: Plan, tell: Callable[[str], None]) -> Report:
    """Run a plan in a folder of its own under ``data_dir``, and report; everything started is stopped afterwards.

    Raises:
        StackStartError, DiskRefusedError: A service did not start or come back, or its disk cannot be mounted here.
    """
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # the broker is killed on purpose: it need not be said
    data_dir.mkdir(parents=True, exist_ok=True)
    remove_abandoned(data_dir, FOLDER_PREFIX)
    folder = data_dir.resolve() / f"{FOLDER_PREFIX}{getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    began, faults = time.monotonic(), plan.schedule()
    tell(f"seed {plan.seed}: starting PostgreSQL and Kafka in {folder}")
    with (
        services(folder, on_disks=not ON_DISKS.keys().isdisjoint(plan.weights)) as stack,
        GatewayServer(folder / "gateway.sqlite", plan=_misbehaviour(plan.seed)) as gateway,
        outside(plan.seed) as those,
    ):
        settings = _for_nobody_but(plan.twins, _settings(stack.where, gateway.url, folder, those))
        tried = _by_ways(settings, stack)
        initialise(settings)
        _subscribe(settings, those)
        with workers(tried, folder / "logs", plan.program, plan.twins) as processes:
            system = _System(settings, tried, stack, processes, gateway, those)
            sent = _begin(system, plan, tell)
            missing, done = _break(system, plan, faults, sent, tell)
            tell("checking")
            codes = {worker.name: worker.end() for worker in processes.all}
        missing += [f"{name} ended with {code} when it was asked to" for name, code in codes.items() if code != 0]
        evidence, book = gather(settings), gateway.payouts.entries()
        found = {"at work again, and settled": [*missing, *processes.ended()]}
        found |= _differences(settings, evidence, sent, book) | _told_outside(plan, evidence, those)
        with psycopg.connect(postgres_address(settings)) as connection:
            known = conditions(connection)
    counts = _counts(evidence, sent, book)
    report = Report(plan.seed, done, faults, time.monotonic() - began, known, counts, found, str(folder))
    if report.holds:
        shutil.rmtree(folder, ignore_errors=True)
        return report
    return replace(report, folder=str(folder.rename(folder.with_name(f"{FAILED_PREFIX}{getpid()}"))))


def _settings(where: Addresses, gateway_url: str, folder: Path, those: Outside) -> Settings:
    sites = folder / "sites.json"
    sites.write_bytes(orjson.dumps({name: {"name": "Returns", "address": ["1 Dock Road"]} for name in SITES}))
    return Settings(
        postgres_dsn=where.postgres_dsn,
        kafka_bootstrap=where.kafka_bootstrap,
        data_dir=folder,
        partitions=PARTITIONS,
        log_format="json",
        gateway_url=SecretStr(gateway_url),
        audit_key_file=folder / "audit.key",
        vault_key_file=folder / "vault.key",
        vault_socket=Path(gettempdir()) / f"{folder.name}.sock",  # a path inside a deep folder is too long for a socket
        sites_file=sites,
        labels_url=SecretStr(those.labels_url),
        webhooks=True,
        webhooks_allow_private=True,
        smtp_url=SecretStr(those.smtp_url),
        notices_sender=SENDER,
        notices_since=BEFORE_ALL,
        http_public_url=PAGES,
        deadline_grace=timedelta(0),
        command_batch_records_max=COMMAND_BATCH,
        relay_batch_records_max=EVENT_BATCH,
        projector_batch_records_max=EVENT_BATCH,
    )


def _for_nobody_but(kinds: Collection[str], settings: Settings) -> Settings:
    """Return settings under which only these kinds of worker have anything to do: nobody waits for others."""
    idle = (name for worker in WORKERS if worker.name not in kinds for name in worker.needs)
    return settings.model_copy(update={name: Settings.model_fields[name].default for name in idle})


def _by_ways(settings: Settings, stack: Services) -> Settings:
    """Return the settings of who is tried: he reaches services by ways that can be blocked."""
    by_ways = stack.by_ways
    where = {"postgres_dsn": by_ways.postgres_dsn, "kafka_bootstrap": by_ways.kafka_bootstrap}
    return settings.model_copy(update={**where, "vault_dsn": stack.vault_dsn})


def _misbehaviour(seed: int) -> MisbehaviourPlan:
    return MisbehaviourPlan.model_validate({"rates": MISBEHAVIOUR, "seed": seed, "slow_s": 1.0})


def _subscribe(settings: Settings, those: Outside) -> None:
    """Let somebody outside want to be told of every event, from the first on."""
    prepare(postgres_address(settings), WebhookTable())
    with closing(connect(postgres_address(settings))) as connection:
        subscriptions.add(connection, read_master_keys(settings), those.webhooks_url, ["*"], allow_private=True)


@dataclass(frozen=True, slots=True)
class _System:
    """What runs; ``settings`` lead past everything that breaks, ``tried`` by the ways that are blocked."""

    settings: Settings
    tried: Settings
    services: Services
    workers: Workers
    gateway: GatewayServer
    those: Outside


def _begin(system: _System, plan: Plan, tell: Callable[[str], None]) -> dict[int, Sent]:
    """Publish the policies and wait until every worker works; return the whole load by number, as of then."""
    policies = first(plan.seed)
    _publish_policies(system.settings, policies)
    not_at_work(system.workers, within_s=BEGUN_WITHIN_S)  # who does not begin to work shows in the end, too
    count = plan.records
    sent = [*policies, *load(plan.seed, count, now=utc_now(), lasts_s=count / plan.per_second)]
    tell(f"{len(system.workers.all)} workers run, {len(sent):,} records are sent, {plan.faults} faults come")
    return {one.number: one for one in sent}


def _break(
    system: _System, plan: Plan, faults: Sequence[PlannedFault], sent: Mapping[int, Sent], tell: Callable[[str], None]
) -> tuple[list[str], Mapping[str, int]]:
    """Send the load and break things meanwhile; return what did not come about afterwards, and the faults by kind."""
    breaker = Breaker(system.settings, system.services, system.workers, lambda fault: tell(str(fault)))
    with sending(system.tried, islice(sent.values(), len(POLICIES), None), plan.per_second) as sender:
        breaker.run(faults, plan.program)
        sender.done.wait(plan.load_at_least_s)
        system.gateway.misbehave(MisbehaviourPlan())
        system.those.behave()
        tell("letting it settle")
        return settle(system.settings, system.workers, sender, within_s=plan.settled_within_s), breaker.done


def _publish_policies(settings: Settings, policies: Sequence[Sent]) -> None:
    """Send what every order needs, and wait until it is decided."""
    with closing(publisher_of(settings)) as publisher:
        records = ((sent.key, sent.value, sent.marked) for sent in policies)
        publisher.deliver(TopicNames(settings.topic_prefix).commands, records)
    deadline = time.monotonic() + POLICIES_WITHIN_S
    with psycopg.connect(postgres_address(settings), autocommit=True) as connection:
        while not all(is_answered(connection, *sent.command) for sent in policies if sent.command):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no policy was published within {POLICIES_WITHIN_S:.0f} s: no worker works")
            time.sleep(LOOK_EVERY_S)


def _differences(
    settings: Settings, evidence: Evidence, sent: Mapping[int, Sent], book: list[StoredPayout]
) -> dict[str, list[str]]:
    """Return, by check, what does not hold."""
    books = fold(evidence.events)
    every: dict[str, Callable[[], Iterable[str]]] = {
        "the log is whole": lambda: checks.log_is_whole(evidence),
        "the topic tells the log": lambda: checks.topic_tells_the_log(evidence),
        "each command is answered once": lambda: checks.commands_are_answered_once(evidence, sent),
        "answers name their events": lambda: checks.answers_name_their_events(evidence),
        "dead letters are the malformed": lambda: checks.dead_letters_are_the_malformed(evidence, sent),
        "deadlines pass once": lambda: checks.deadlines_pass_once(evidence, books.deadlines),
        "nothing failed": lambda: checks.nothing_failed(evidence),
        "the ledger balances": books.unbalanced,
        "fees are rounded half to even": lambda: books.misrounded(RESTOCKING_BPS),
        "views are what the log says": lambda: views.views_are_what_the_log_says(settings, books),
        "views are what a rebuild shows": lambda: views.views_are_what_a_rebuild_shows(settings, len(evidence.events)),
        "the gateway has the same book": lambda: views.gateway_has_the_same_book(books, book),
    }
    return {name: _kept(check) for name, check in every.items()}


def _told_outside(plan: Plan, evidence: Evidence, those: Outside) -> dict[str, list[str]]:
    """Return, by check, what those outside were not told as they should have been, by workers that ran."""
    policies = fold(evidence.events).policies
    by_label = [
        order_id for order_id, policy_id in policies.items() if POLICIES.get(policy_id, {}).get("method") == "label"
    ]
    every: dict[str, tuple[str, Callable[[], Iterable[str]]]] = {
        "webhooks": ("webhooks tell the log", lambda: outside_checks.webhooks_tell_the_log(evidence, those.calls)),
        "notices": ("letters tell of returns", lambda: outside_checks.letters_tell_of_returns(evidence, those.letters)),
        "labels": (
            "labels are made once",
            lambda: outside_checks.labels_are_made_once(evidence, those.labels, by_label),
        ),
    }
    return {name: _kept(check) for kind, (name, check) in every.items() if plan.twins.get(kind)}


def _kept(check: Callable[[], Iterable[str]]) -> list[str]:
    """Return the first differences; a check that breaks off has found one, too."""
    found: list[str] = []
    try:
        found += islice(check(), DIFFERENCES_MAX)
    except Exception as broke:  # whatever it is: what was found before is told
        found.append(f"could not be checked: {broke!r}")
    return found


def _counts(evidence: Evidence, sent: Mapping[int, Sent], book: Sequence[StoredPayout]) -> Counts:
    answers = {(told["source"], told["command_id"]) for told in map(_answer, evidence.answers)}
    return Counts(
        records_sent=len(sent),
        commands=len(evidence.outcomes),
        events=len(evidence.events),
        events_repeated=len(evidence.published) - len(evidence.events),
        answers_repeated=len(evidence.answers) - len(answers),
        dead_letters=len({(letter.key, letter.value, str(letter.headers)) for letter in evidence.dead}),
        payouts=len(book),
    )


def _answer(record: object) -> dict[str, str]:
    answer: dict[str, str] = orjson.loads(getattr(record, "value", b"{}"))
    return answer
