"""The notices worker is killed again and again while the mail server fails half the time; mailbox and log agree."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import UUID

from pydantic import SecretStr

from infra.settings import Settings
from tests.support.mail_server import MailServer, mail_server
from tests.support.pipeline import wait_for
from tests.support.worker_processes import serve, until_killed
from tests.support.worker_threads import Counter, system

KILLS = 8
RETURNS_PER_LIFE = 3
SEED = 20_261_126
KINDS = ["approved", "evidence_asked", "closed"]
"""What each return is told of, in this order."""
FAILURES_IN_A_ROW_MAX = 2


class Fickle:
    """Answers half of the mails by a failure, but none more than twice in a row."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._failed: dict[str, int] = {}

    def __call__(self, mail: EmailMessage) -> str:
        name = str(mail["Message-ID"])
        failed = self._failed.get(name, 0)
        if failed < FAILURES_IN_A_ROW_MAX and self._chance.random() < 0.5:
            self._failed[name] = failed + 1
            return "451 not now"
        self._failed[name] = 0
        return "250 taken"


def take_back(counter: Counter, order_id: str) -> UUID:
    """Have a return asked for, a photo asked for, and the return withdrawn and closed; return its id."""
    contact = {"email": f"{order_id.lower()}@mail.example"}
    rma_id = counter.order_and_return(order_id, {"card": 1999}, contact=contact)
    about = {"order_id": order_id, "rma_id": str(rma_id)}
    counter.accepted("RequestEvidence", about | {"note": "a photo"})
    counter.accepted("WithdrawReturn", about, actor="customer:C1")
    counter.accepted("CloseReturn", about | {"reason": "withdrawn"})
    return rma_id


def test_no_kill_loses_a_message(settings: Settings) -> None:
    """Each message of an event arrives; what arrives twice has one id; a return's messages arrive in their order."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    with mail_server(Fickle(chance)) as server, system(settings) as counter:
        counter.publish({"window": {"days": 30}})
        given = {
            "smtp_url": SecretStr(server.url),
            "notices_sender": "returns@shop.example",
            "http_public_url": "https://returns.example",
            "notices_since": datetime(2020, 1, 1, tzinfo=UTC),
        }
        where = settings.model_copy(update=given)
        returns: list[UUID] = []
        for life in range(KILLS):
            wanted = len(server.tried) + chance.randint(1, 2 * RETURNS_PER_LIFE)
            with until_killed(serve, "notices", where) as process:
                returns += [take_back(counter, f"O-{life}-{number}") for number in range(RETURNS_PER_LIFE)]
                wait_for(lambda: len(server.tried) >= wanted, f"mails in life {life}")  # noqa: B023 - used at once
                assert process.is_alive()
        with until_killed(serve, "notices", where):
            wait_for(lambda: _sent(counter) == len(returns) * len(KINDS), "every message to be told of as sent")

    assert_mailbox_and_log_agree(counter, server, returns)


def _sent(counter: Counter) -> int:
    """Return how many messages the log says were sent, at once or after all."""
    query = (
        "SELECT count(*) AS told FROM rma_log.events WHERE convert_from(body, 'UTF8')::json ->> 'outcome' = 'sent' "
        "AND type IN ('rma.Rma.CustomerNotified.v1', 'rma.Rma.NoticeOutcomeRecorded.v1')"
    )
    return int(counter.rows(query)[0]["told"])


def assert_mailbox_and_log_agree(counter: Counter, server: MailServer, returns: list[UUID]) -> None:
    arrived: dict[str, list[str]] = {}
    for mail in server.mails:
        kinds = arrived.setdefault(str(mail["To"]), [])
        name = str(mail["Message-ID"])
        if name not in kinds:
            kinds.append(name)
    assert len(arrived) == len(returns)
    assert {tuple(name.split(".")[1] for name in names) for names in arrived.values()} == {tuple(KINDS)}

    told = counter.rows("SELECT convert_from(body, 'UTF8')::json ->> 'notice_id' AS name FROM rma_log.events "
                        "WHERE type = 'rma.Rma.CustomerNotified.v1'")  # fmt: skip
    names = {name.removeprefix("<").partition("@")[0] for of in arrived.values() for name in of}
    assert {row["name"] for row in told} == names
    assert len(server.tried) > len(server.mails), "the mail server behaved too well"
