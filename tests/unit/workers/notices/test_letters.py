"""Letters: whatever a text holds, it makes no header of its own, and no address that it does not name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.notices.contacts import Contact, is_same_address
from workers.notices.letters import Letter, Sender, message_of

AT = datetime(2026, 3, 1, tzinfo=UTC)
HOSTILE = st.text() | st.text('\r\n\t\x00\u2028\u202e<>,;:@"()aB= ?', max_size=60)
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "MIME-Version", "Content-Type",
}  # fmt: skip


@given(subject=HOSTILE, name=HOSTILE, text=HOSTILE)
def test_no_text_makes_a_header(subject: str, name: str, text: str) -> None:
    """Line breaks of any kind end as blanks: a mail has the headers that are its own, each once."""
    text = text.encode("utf-8", "replace").decode()
    letter = Letter("1", "anna@mail.example", "en", subject, text, f"<p>{text}</p>")
    made = message_of(letter, Sender(name, "returns@shop.example"), AT).as_bytes()

    read = message_from_bytes(made, policy=policy.default)
    assert sorted(read.keys()) == sorted(HEADERS)
    assert [str(one) for one in read["To"].addresses] == ["anna@mail.example"]
    assert [one.addr_spec for one in read["From"].addresses] == ["returns@shop.example"]


def test_the_address_that_ends_surveys_stands_in_one_piece() -> None:
    """However long it is: mail programs do not put it together (RFC 2369, 8058)."""
    link = "<https://returns.a-shop-with-a-long-name.example/r/" + "A" * 43 + "/unsubscribe>"
    letter = Letter("1", "anna@mail.example", "en", "s", "t", "h", {"List-Unsubscribe": link})
    made = message_of(letter, Sender("", "returns@shop.example"), AT).as_bytes()

    assert f"\r\nList-Unsubscribe: {link}\r\n".encode() in made


def test_a_receipt_goes_along_as_a_file() -> None:
    """Beside text and HTML, byte for byte; a letter without one has none."""
    receipt = '{"text": "Ä\n"}'.encode()
    letter = Letter("1", "anna@mail.example", "en", "s", "t", "h", receipt=receipt)
    made, without = (
        message_from_bytes(message_of(one, Sender("", "returns@shop.example"), AT).as_bytes(), policy=policy.default)
        for one in (letter, replace(letter, receipt=None))
    )

    [file] = made.iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == (
        "receipt.json",
        "application/json",
        receipt,
    )
    assert [part.get_content().strip() for kind in ("plain", "html") if (part := made.get_body((kind,)))] == ["t", "h"]
    assert list(without.iter_attachments()) == []


@pytest.mark.parametrize(
    "recipient",
    ["anna@mail.example\r\nBcc: all@mail.example", "", "@mail.example", "anna", "anna@", "a\u2028b@mail.example"],
)
def test_what_is_no_address_gets_no_mail(recipient: str) -> None:
    with pytest.raises(ValueError, match="address"):
        message_of(Letter("1", recipient, "en", "s", "t", "h"), Sender("", "returns@shop.example"), AT)


def test_two_addresses_are_one_as_people_type_them() -> None:
    """Blanks around it and capitals do not count; anything else does."""
    assert is_same_address(" anna@MAIL.example", "Anna@mail.example ")
    assert not is_same_address("anna@mail.example", "anna@mail.example.evil")


@pytest.mark.parametrize("written", [None, "", "(erased)", "sealed:v1:x", "[1]", "7"])
def test_what_is_no_contact_is_none(written: str | None) -> None:
    """None was told, or it was erased."""
    assert Contact.read(written) is None


def test_a_contact_is_what_it_says() -> None:
    assert Contact.read('{"email": "a@b.example", "name": "A", "language": "zh"}') == Contact("a@b.example", None, "zh")
