"""The post office: letters and short messages handed over by several threads at once, and what became of each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from workers.notices.letters import Letter, Sender, message_of
from workers.notices.sms import ShortMessage, SmsPort
from workers.notices.smtp import NotTakenError, Smtp, SmtpAwayError
from workers.runtime.clock import utc_now

AT_ONCE_MAX: Final = 8

Fate = Literal["sent", "not_taken", "refused", "away"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a letter: ``not_taken`` now, ``refused`` for good; ``away``: nothing can be sent at all."""

    fate: Fate
    reason: str | None = None


def not_sent(reason: str) -> Future[Delivery]:
    """Return what became of a letter that could not be made: it is tried again, as one that was not taken."""
    made: Future[Delivery] = Future()
    made.set_result(Delivery("not_taken", reason))
    return made


class Post:
    """Sends letters.

    Args:
        smtp: The mail server.
        sender: Who writes.
        sms: Where short messages go; None: nowhere.
        clock: Dates letters.
    """

    def __init__(
        self, smtp: Smtp, sender: Sender, sms: SmsPort | None = None, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._smtp, self._sender, self._sms, self._clock = smtp, sender, sms, clock
        self._pool = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="sending")

    @property
    def sends_sms(self) -> bool:
        return self._sms is not None

    def send(self, letter: Letter | ShortMessage) -> Future[Delivery]:
        """Begin to send a letter."""
        return self._pool.submit(self._deliver, letter)

    def close(self) -> None:
        """Wait for what is under way, and leave."""
        self._pool.shutdown()
        self._smtp.close()
        if self._sms is not None:
            self._sms.close()

    def _deliver(self, letter: Letter | ShortMessage) -> Delivery:
        try:
            self._hand_over(letter)
        except SmtpAwayError as away:
            return Delivery("away", str(away))
        except NotTakenError as said:
            return Delivery("refused" if said.for_good else "not_taken", said.reason)
        except ValueError as error:  # what is no address is found when the mail is made
            return Delivery("refused", str(error))
        return Delivery("sent")

    def _hand_over(self, letter: Letter | ShortMessage) -> None:
        if isinstance(letter, Letter):
            message = message_of(letter, self._sender, self._clock())
            self._smtp.send(message, self._sender.address, letter.recipient)
        elif self._sms is not None:
            self._sms.send(letter, self._clock())
