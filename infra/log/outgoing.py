"""What is published beside the events, answers and dead letters, as rows of the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from infra.envelope.cloudevents import FIRST_ANSWER_HEADERS, first_answer_values, result_headers
from infra.envelope.results import result_body
from infra.records import Answered, Decided, Entry, Message, SetAside, Verdict

Names = tuple[str, ...]


class Given(NamedTuple):
    """An answer that is given for the first time: its place in the order of all answers, and its bytes."""

    seq: int
    result: bytes


class Outgoing(NamedTuple):
    """A message of the outbox; its headers' names and values each as PostgreSQL's literal of an array of bytes."""

    topic: str
    key: bytes | None
    header_names: str
    header_values: str
    value: bytes


class Answers:
    """What is published beside the events: answers and dead letters."""

    def __init__(self, topic: str, results: Mapping[Decided, Given], recorded_at: str) -> None:
        self._topic, self._results, self._recorded_at = topic, results, recorded_at

    def messages(self, entry: Entry) -> list[Outgoing]:
        """Return the messages of an entry, in the order in which they go out."""
        match entry:
            case SetAside(letter=letter, answered=None):
                return [_letter(letter)]
            case SetAside(letter=letter, answered=Answered() as answered):
                return [*self.messages(answered), _letter(letter)]
            case Decided():
                seq, result = self._results[entry]
                first = first_answer_values(seq, entry.fingerprint)
                return [self._answer(entry, result, FIRST_ANSWER_HEADERS, first)]
            case Answered(answer=Decided() as before):
                return [self._answer(entry, self._results[before].result)]
            case Answered(answer=bytes() as given):
                return [self._answer(entry, given)]
            case Answered(stamp=stamp, answer=Verdict() as verdict):
                return [self._answer(entry, result_body(stamp, verdict, (), self._recorded_at))]
        raise AssertionError(f"no entry of a batch: {entry!r}")

    def _answer(
        self, entry: Decided | Answered, result: bytes, first_names: Names = (), first_values: Names = ()
    ) -> Outgoing:
        names, values = result_headers(entry.stamp, result, self._recorded_at)
        written = _names_literal((*names, *first_names)), _texts_literal((*values, *first_values))
        return Outgoing(self._topic, entry.key, *written, result)


def _letter(letter: Message) -> Outgoing:
    names = _literal([name.encode() for name, _ in letter.headers])
    values = _literal([value for _, value in letter.headers])
    return Outgoing(letter.topic, letter.key, names, values, letter.value)


def _literal(values: Iterable[bytes]) -> str:
    """Return PostgreSQL's literal of an array of bytes."""
    return "{" + ",".join([f'"\\\\x{value.hex()}"' for value in values]) + "}"


def _texts_literal(values: Sequence[str]) -> str:
    """Return PostgreSQL's literal of an array of texts as bytes."""
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') > 2 * (len(values) - 1):
        return _literal([value.encode() for value in values])
    return f'{{"{joined}"}}'


@cache
def _names_literal(names: Names) -> str:
    """Return the literal of the names of an answer's headers, of which there are four kinds."""
    return _texts_literal(names)
