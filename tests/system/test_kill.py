"""Whole worker processes are killed, frozen and cut off while a week of a real shop is imported: it does not show."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from kafka.errors import CoordinatorNotAvailableError

from infra.kafka.clients import make_admin
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from tests.integration.workers.trials.test_online_retail import (
    FIGURES,
    NOT_CLOSED,
    OVERPAID,
    SLICE,
    TRIAL_BALANCE,
    asked,
)
from tests.support.pipeline import Pipeline, wait_for
from tests.support.soundness import (
    assert_each_command_has_one_answer,
    assert_log_is_whole,
    assert_rebuilt_is_the_same,
    assert_topic_tells_the_log,
    caught_up,
)
from tests.support.worker_processes import KINDS, WorkerProcess, processes
from workers.operating.initialising import initialise
from workers.pictures.sheet import Screen
from workers.runtime.parts import group_of
from workers.trials.online_retail.importing import Imported, as_data, import_online_retail

COMMANDS_OF_THE_WEEK: Final = 1_361
IMPORT_MAX_S: Final = 180.0
PACE: Final = {"command_batch_records_max": 5, "projector_batch_records_max": 50}
"""Small batches: the import lasts long enough for something to happen meanwhile, and there is more to tear apart."""

LOOK_CLOSELY_EVERY_S: Final = 0.002
KILLS_AT_WORK: Final = 2
CUTS: Final = 4
FIGURE_NAMES: Final = (
    "orders sale_lines units_sold pennies_sold returns return_lines units_given_back pennies_given_back"
).split()
DONE: Final = {
    "commands": "SELECT outbox_seq FROM rma_log.tail",
    "relay": "SELECT position FROM rma_log.relays",
    **{
        name: f"SELECT coalesce(sum(next_offset), 0) FROM rma_read.positions WHERE projection = '{name}'"
        for name in PROJECTIONS
    },
}
"""How far each kind of worker has come."""

EPOCH: Final = "SELECT epoch FROM rma_log.relays"
CUT_ALL_OTHERS: Final = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a system that works in small batches."""
    return settings.model_copy(update=PACE)


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    """The system under test, to be looked at."""
    initialise(settings)
    with closing(Pipeline(settings)) as made:
        yield made


class Import:
    """The import of a week, under way in a thread."""

    def __init__(self, pipeline: Pipeline, told: Future[Imported]) -> None:
        self._pipeline = pipeline
        self._told = told

    def reaches(self, share: float) -> None:
        """Wait until this share of its commands is decided; some are not answered yet, so it is under way still."""
        self._comes("commands", math.ceil(share * COMMANDS_OF_THE_WEEK))

    def moves(self, worker: WorkerProcess) -> None:
        """Wait until a worker writes how far it has come, and return at that very moment."""
        self._comes(worker.kind, done(self._pipeline, worker.kind) + 1)

    def _comes(self, kind: str, goal: int) -> None:
        give_up_at = time.monotonic() + IMPORT_MAX_S
        while done(self._pipeline, kind) < goal:
            assert time.monotonic() < give_up_at, f"{kind} never came to {goal}"
            if self._told.done():
                self._told.result()
            time.sleep(LOOK_CLOSELY_EVERY_S)
        assert not self._told.done(), "the import was over before anything could happen to it"

    def finishes(self) -> Imported:
        """Wait for the last answer, and for the last row in every read model."""
        told = self._told.result(IMPORT_MAX_S)
        caught_up(self._pipeline)
        return told


@contextmanager
def importing(pipeline: Pipeline) -> Iterator[Import]:
    """Import the week in a thread while the block runs."""
    with ThreadPoolExecutor(1) as thread:
        yield Import(pipeline, thread.submit(import_online_retail, SLICE, pipeline.settings, Screen(quiet=True)))


def done(pipeline: Pipeline, kind: str) -> int:
    """Return how far the workers of a kind have come."""
    [(count,)] = pipeline.log.connection.execute(DONE[kind]).fetchall()
    return int(count)


def at_work(pipeline: Pipeline, *kinds: str) -> None:
    """Wait until each of these kinds has done something."""
    for kind in kinds:
        wait_for(partial(done, pipeline, kind), f"{kind} to begin")


def assert_nothing_shows(pipeline: Pipeline, told: Imported) -> int:
    """The log, the topics and the read models say what the file says, once; return how many records were repeats."""
    figures = as_data(told)
    assert told.answers.all_accepted, told.answers.not_accepted
    assert told.answers.statuses.total() == COMMANDS_OF_THE_WEEK
    assert asked(pipeline.settings, FIGURES) == tuple(figures[name] for name in FIGURE_NAMES)
    assert asked(pipeline.settings, TRIAL_BALANCE) == 0
    assert (asked(pipeline.settings, OVERPAID), asked(pipeline.settings, NOT_CLOSED)) == (0, 0)
    events = assert_log_is_whole(pipeline)
    published = assert_topic_tells_the_log(pipeline)
    answers_repeated = assert_each_command_has_one_answer(pipeline, COMMANDS_OF_THE_WEEK)
    assert_rebuilt_is_the_same(pipeline, published)
    return len(published) - events + answers_repeated


def assert_never_ended(workers: dict[str, WorkerProcess]) -> None:
    assert not [worker.what_it_said() for worker in workers.values() if not worker.runs]


def test_kill_minus_nine_of_every_worker_again_and_again(pipeline: Pipeline, tmp_path: Path) -> None:
    """Each worker is killed, as it has just written something and then at any moment: the same totals, nothing lost."""
    with processes(pipeline.settings, tmp_path) as workers, importing(pipeline) as week:
        at_work(pipeline, *KINDS)
        victims = [workers[kind] for kind in reversed(KINDS)]
        for victim in victims * KILLS_AT_WORK:
            week.moves(victim)
            victim.kill_and_start_again()
        begun = done(pipeline, "commands") / COMMANDS_OF_THE_WEEK
        for number, victim in enumerate(victims):
            week.reaches(begun + (1 - begun) * number / len(victims))
            victim.kill_and_start_again()
        told = week.finishes()

    assert_nothing_shows(pipeline, told)


def test_workers_of_a_kind_share_the_work(pipeline: Pipeline, tmp_path: Path) -> None:
    """Two command workers and two projectors split the partitions, and one that dies leaves its own to the other."""
    twins = {"commands-2": "commands", "tracking-2": "tracking"}
    with processes(pipeline.settings, tmp_path, {kind: kind for kind in KINDS} | twins) as workers:
        for kind, group in (("commands", "commands"), ("tracking", f"tracking.v{PROJECTIONS['tracking'].version}")):
            wait_for(partial(is_shared, pipeline, group), f"two {kind} to share")
        with importing(pipeline) as week:
            week.reaches(0.3)
            for name in twins:
                assert workers[name].runs, workers[name].what_it_said()
                workers[name].kill()
            told = week.finishes()
        assert "command_handled" in workers["commands"].log.read_text()
        assert "command_handled" in workers["commands-2"].log.read_text()

    assert_nothing_shows(pipeline, told)


def is_shared(pipeline: Pipeline, group: str) -> bool:
    """Tell whether two members of a consumer group hold all partitions between them; not yet, where nobody can tell."""
    name = pipeline.settings.named(group_of(group))
    with closing(make_admin(pipeline.bootstrap)) as admin:
        try:
            known = admin.describe_groups([name])[name]
        except CoordinatorNotAvailableError:  # a busy broker has not made the topic of groups yet
            return False
    held = [
        sum(len(topic["partitions"]) for topic in member["member_assignment"]["assigned_partitions"])
        for member in known["members"]
        if known["group_state"] == "Stable"
    ]
    return len(held) == 2 and min(held) > 0 and sum(held) == pipeline.settings.partitions


def test_a_frozen_relay_is_deposed_and_does_no_harm_when_it_wakes(pipeline: Pipeline, tmp_path: Path) -> None:
    """A relay that stands still loses its lead to another; awake again it changes nothing, and takes over in turn."""
    named = {"relay-1": "relay", "relay-2": "relay"} | {kind: kind for kind in KINDS if kind != "relay"}
    with processes(pipeline.settings, tmp_path, named) as workers, importing(pipeline) as week:
        week.reaches(0.2)
        wait_for(lambda: done(pipeline, "relay"), "a relay to lead")
        frozen, other = sorted(
            (workers["relay-1"], workers["relay-2"]), key=lambda relay: "relay_leads" not in relay.log.read_text()
        )
        frozen.freeze()
        wait_for(lambda: "relay_leads" in other.log.read_text(), "the other relay to take over")
        frozen.thaw()
        told = week.finishes()
        assert other.end() == 0, other.what_it_said()
        wait_for(lambda: asked(pipeline.settings, EPOCH) == 3, "the woken relay to lead again")
        assert_never_ended({name: worker for name, worker in workers.items() if worker is not other})

    assert_nothing_shows(pipeline, told)


def test_workers_asked_to_end_finish_their_batch(pipeline: Pipeline, tmp_path: Path) -> None:
    """On SIGTERM each worker ends with 0 and leaves nothing half done: its successor repeats not one record."""
    with processes(pipeline.settings, tmp_path) as workers, importing(pipeline) as week:
        at_work(pipeline, *KINDS)
        for number, worker in enumerate(workers.values(), start=1):
            week.reaches(number / (len(workers) + 1))
            assert worker.end() == 0, worker.what_it_said()
            worker.start()
        told = week.finishes()
        assert [worker.end() for worker in workers.values()] == [0] * len(workers)

    assert assert_nothing_shows(pipeline, told) == 0


def test_workers_outlive_their_connections(pipeline: Pipeline, tmp_path: Path) -> None:
    """PostgreSQL drops every worker's connection, several times, in the middle of the import: all of them go on."""
    with processes(pipeline.settings, tmp_path) as workers, importing(pipeline) as week:
        at_work(pipeline, *KINDS)
        begun = done(pipeline, "commands") / COMMANDS_OF_THE_WEEK
        for cut in range(CUTS):
            week.reaches(begun + (1 - begun) * cut / CUTS)
            [(cut_off,)] = pipeline.log.connection.execute(CUT_ALL_OTHERS).fetchall()
            assert cut_off >= len(workers)
        told = week.finishes()
        assert_never_ended(workers)
        assert all("service_away_retrying" in worker.log.read_text() for worker in workers.values())

    assert_nothing_shows(pipeline, told)
