"""What `rma demo` says of a return is what all read models hold by then, however far apart they are."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from infra.kafka.command_client import OutgoingCommand, conversation
from infra.kafka.topics import TopicNames
from infra.settings import Settings
from projections.read_models import PROJECTIONS
from tests.support.pipeline import wait_for
from tests.support.whole_system import working
from tests.support.worker_threads import running
from workers.pictures.sheet import Page
from workers.registry import worker_named
from workers.trials.demo.narration import PAYOUTS_POLL_S, Narrator, show_case
from workers.trials.demo.story import Story
from workers.trials.scenario.views import Views

HOLD_TRACKING: Final = "SELECT FROM rma_read_meta.positions WHERE projection = 'tracking' FOR UPDATE"
LOOKS: Final = 10
"""So many looks at the payouts would be enough for the narrator to go on too early."""


def settle(settings: Settings, payouts: list[dict[str, Any]]) -> None:
    """Say what the gateway would say of each payout."""
    with conversation(settings) as talk:
        for payout in payouts:
            names = {name: str(payout[name]) for name in ("order_id", "rma_id", "payout_id")}
            said = names | {"outcome": "settled", "reference": "GW"}
            told = OutgoingCommand(
                "RecordPayoutOutcome",
                names["payout_id"],
                "/gw",
                names["order_id"],
                datetime.now(UTC),
                "gateway:x",
                said,
            )
            assert talk.ask(told.to_record())["status"] == "accepted"


def test_the_payouts_are_told_before_the_return_follows_them(settings: Settings) -> None:
    """The ledger has the settlements while tracking stands still: nothing is said of the return until it goes on."""
    assert settings.postgres_dsn is not None
    said, dsn = io.StringIO(), settings.postgres_dsn.get_secret_value()
    with (
        working(settings),
        running(settings, worker_named("credit_notes").run),
        closing(Views(dsn, tuple(PROJECTIONS))) as views,
        closing(Views(dsn, ())) as looking,
        conversation(settings) as talk,
        ThreadPoolExecutor(1) as narrating,
    ):
        page, story = Page(file=said), Story.fresh()
        narrator = Narrator(talk, views, page, talk.placement_of(TopicNames(settings.topic_prefix).events))
        told = narrating.submit(narrator.narrate, story, "http://gateway")
        wait_for(lambda: told.done() or "asks the gateway" in said.getvalue(), "the story to come to the payouts")
        with psycopg.connect(dsn) as held, held.transaction():
            held.execute(HOLD_TRACKING)
            settle(settings, looking.rows("payouts", {}))
            wait_for(lambda: {row["status"] for row in looking.rows("payouts", {})} == {"settled"}, "the ledger")
            time.sleep(LOOKS * PAYOUTS_POLL_S)
            early = said.getvalue().partition("asks the gateway")[2]
        told.result()
        show_case(settings, story, page)

    assert "the return window is over [window_expired]" in said.getvalue()  # the bottle
    assert "the return is" not in early
    resolution = said.getvalue().partition("5  Resolution")[2]
    assert "the return is resolved, next: close" in resolution.partition("6  Feedback")[0]
    assert "next: pay" not in resolution
