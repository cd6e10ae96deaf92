"""The way out for mails, against a real server: what it says of a mail, and what is no fault of the mail."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.mail_server import MailServer, html_of, mail_server, text_of
from workers.notices.letters import Letter, Sender, message_of
from workers.notices.smtp import NotTakenError, Smtp, SmtpAwayError

SENDER = Sender("Aurora 商店", "returns@shop.example")
LETTER = Letter("e1.approved.ab", "anna@mail.example", "zh-Hans", "您的退货", "文字\n", "<p>文字</p>")


def sent(server: MailServer, smtp: Smtp, letter: Letter = LETTER) -> None:
    smtp.send(message_of(letter, SENDER, datetime.now(UTC)), SENDER.address, letter.recipient)


def test_a_letter_arrives_as_text_and_as_html() -> None:
    """With the id that makes a repeat known, in the language that it is in; one connection serves for many."""
    with mail_server() as server:
        smtp = Smtp(server.url)
        for _ in range(3):
            sent(server, smtp)
        smtp.close()

    mail = server.mails[0]
    assert len(server.mails) == 3
    assert (str(mail["Message-ID"]), str(mail["Subject"])) == ("<e1.approved.ab@shop.example>", "您的退货")
    assert str(mail["From"]) == "Aurora 商店 <returns@shop.example>"
    assert (text_of(mail), html_of(mail)) == ("文字\n", "<p>文字</p>\n")
    assert (mail["Content-Language"], mail["Auto-Submitted"]) == ("zh-Hans", "auto-generated")


@pytest.mark.parametrize(("answer", "for_good"), [("451 greylisted", False), ("550 no such user", True)])
def test_what_the_server_says_of_a_mail_is_told(answer: str, for_good: bool) -> None:
    """A server that is busy is asked again later, one that knows no such address is not; the next mail goes out."""
    with mail_server(lambda mail: answer if "bad" in str(mail["To"]) else "250 taken") as server:
        smtp = Smtp(server.url)
        with pytest.raises(NotTakenError) as said:
            sent(server, smtp, Letter("1", "bad@mail.example", "en", "s", "t", "h"))
        sent(server, smtp)
        smtp.close()

    assert (said.value.for_good, said.value.reason) == (for_good, answer)
    assert len(server.mails) == 1


def test_a_server_that_is_away_says_nothing_of_the_mail() -> None:
    """Nobody answers at its port: nothing can be sent, and it is nobody's fault; one that comes back is used again."""
    with mail_server() as server:
        smtp = Smtp(server.url)
        sent(server, smtp)
    with pytest.raises(SmtpAwayError):
        sent(server, smtp)
    with mail_server(port=server.port) as again:
        sent(again, smtp)
        smtp.close()

    assert len(again.mails) == 1
