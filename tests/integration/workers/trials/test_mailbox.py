"""The demo's mailbox: what is handed in is shown once, as text, to whoever is on this machine."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest

from workers.notices.letters import Letter, Sender, message_of
from workers.trials.demo.mailbox import Mailbox, mailbox

HOSTILE = "<script>alert(1)</script>"
SENDER = Sender("Shop", "returns@shop.example")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """A mailbox at work."""
    with mailbox() as opened:
        yield opened


def hand_in(box: Mailbox, letter_id: str, *, to: str = "anna@mail.example", says: str = "Hello") -> None:
    """Hand a letter in, as the notices worker does."""
    html = f"<html><head></head><body><p>{says}</p></body></html>"
    letter = Letter(letter_id, to, "en", says, says, html)
    at = urlsplit(box.smtp_url)
    with smtplib.SMTP(at.hostname or "", at.port or 0) as server:
        server.send_message(message_of(letter, SENDER, datetime(2026, 3, 1, tzinfo=UTC)))


def test_a_letter_that_is_handed_in_again_is_the_same_one(box: Mailbox) -> None:
    """By its Message-ID, whose parts say of which kind it is; a page's own mail has none."""
    for letter_id in ("e-1.approved.h", "e-1.approved.h", "8b0c"):
        hand_in(box, letter_id)
    hand_in(box, "e-2.closed.h", to="bo@mail.example")

    assert box.kinds() == ["approved", "", "closed"]
    assert box.sent_to("anna@mail.example") == [1, 2]


def test_what_a_letter_says_runs_nowhere(box: Mailbox) -> None:
    """It is text on the mailbox's pages; its own HTML stands in a frame that runs nothing."""
    hand_in(box, "e-1.approved.h", says=HOSTILE)

    with httpx.Client(base_url=box.url) as browser:
        pages = [browser.get(path) for path in ("/", "/1")]
        body = browser.get("/1/body")

    assert not any(HOSTILE in page.text for page in pages)
    assert all("&lt;script&gt;" in page.text for page in pages)
    assert "sandbox=" in pages[1].text
    assert body.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert "script-src" not in body.headers["content-security-policy"]
    assert "default-src 'none'" in body.headers["content-security-policy"]


def test_it_is_nobody_elses(box: Mailbox) -> None:
    """A page of another name, which a browser was made to look for here, shows nothing; nor does a letter too many."""
    with httpx.Client(base_url=box.url) as browser:
        assert browser.get("/", headers={"Host": "attacker.example"}).status_code == 400
        assert browser.get("/1").status_code == 404
        assert "还没有邮件" in browser.get("/", headers={"Accept-Language": "zh-CN"}).text
