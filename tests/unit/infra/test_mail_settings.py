"""Settings about letters: what could not work, or would send a password in plain text, is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from infra.settings import Settings

ENOUGH = {"RMA_NOTICES_SENDER": "Shop <returns@shop.example>", "RMA_HTTP_PUBLIC_URL": "https://returns.example"}


def settings(monkeypatch: pytest.MonkeyPatch, **given: str) -> Settings:
    for name, value in (ENOUGH | given).items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize(
    "url",
    [
        "smtp://127.0.0.1:2525",
        "smtp://user:secret@localhost",
        "smtps://user:s%40cret@mail.example",
        "smtp+starttls://user:secret@mail.example:587",
        "smtp://mail.example",
    ],
)
def test_a_mail_server_is_named_by_its_address(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    known = settings(monkeypatch, RMA_SMTP_URL=url).smtp_url
    assert known is not None
    assert known.get_secret_value() == url


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"RMA_SMTP_URL": "smtp://user:secret@mail.example"}, "unencrypted"),
        ({"RMA_SMTP_URL": "https://mail.example"}, "no address of a mail server"),
        ({"RMA_SMTP_URL": "smtp://"}, "no address of a mail server"),
        ({"RMA_SMTP_URL": "smtp://mail.example", "RMA_NOTICES_SENDER": ""}, "RMA_NOTICES_SENDER"),
        ({"RMA_SMTP_URL": "smtp://mail.example", "RMA_HTTP_PUBLIC_URL": ""}, "RMA_HTTP_PUBLIC_URL"),
        ({"RMA_NOTICES_SENDER": "Shop"}, "no sender of mails"),
        ({"RMA_NOTICES_SENDER": "a@b.example, c@d.example"}, "no sender of mails"),
        ({"RMA_NOTICES_SENDER": "a@b.example\nBcc: c@d.example"}, "no sender of mails"),
        ({"RMA_SMS_URL": "https://sms.example"}, "go together"),
        ({"RMA_NOTICES_BOUNCE_SECRET": "secret"}, "no secret of Standard Webhooks"),
        ({"RMA_NOTICES_SINCE": "2026-03-01T00:00:00"}, "timezone"),
    ],
)
def test_what_cannot_work_is_refused(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str) -> None:
    """In words, and without what was given where it may be secret."""
    with pytest.raises(ValidationError, match=said) as refused:
        settings(monkeypatch, **given)

    assert "user:secret" not in str(refused.value)
