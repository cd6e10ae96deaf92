"""`rma dead`: letters as a list, and one of them whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import RenderableType

from infra.log.dead_letters import ActionTaken
from infra.sealing.bodies import SEALED_MARK
from workers.operating.dead_letter import DeadLetter
from workers.pictures.terminal import shown, stacked, table
from workers.pictures.text import Text, lines

WHY_CHARS_MAX: Final = 160
DONE: Final = {"redriven": "sent again", "mended": "sent again, mended", "dropped": "dropped"}


def letter_list(letters: Iterable[DeadLetter], *, acted_on_too: bool) -> RenderableType:
    """Return letters as a list; ``acted_on_too``: with what became of each."""
    heads = ("id", "since", "key", "came from", "why", *(["what became of it"] if acted_on_too else []))
    rows = [
        [
            letter.letter_id,
            letter.dead_at,
            SEALED_MARK if letter.key_id else _key(letter),
            letter.origin,
            _short(letter.why),
        ]
        + ([became(letter.taken)] if acted_on_too else [])
        for letter in letters
    ]
    return table("Dead letters", heads, rows)


def one_letter(letter: DeadLetter) -> RenderableType:
    """Return a letter whole: why it is here, what became of it, and the original record."""
    return stacked(*_parts(letter))


def became(taken: ActionTaken | None) -> str:
    """Return what was done about a letter, by whom, when and why."""
    if taken is None:
        return "waits"
    why = f": {taken.reason}" if taken.reason else ""
    return f"{DONE[taken.action]} by {taken.actor}, {shown(taken.acted_at)}{why}"


def _parts(letter: DeadLetter) -> Iterator[RenderableType]:
    since = f"{letter.letter_id} since {letter.dead_at:%Y-%m-%d %H:%M:%S}, came from {letter.origin}"
    yield lines(Text(since), Text(became(letter.taken), "dim"))
    yield table("Faults", ("where", "what"), letter.faults) if letter.faults else Text(letter.why, "red")
    if letter.mark is not None:
        yield Text(f"what it held is {letter.mark}", "yellow")
        return
    headers = [[name, value.decode(errors="replace")] for name, value in letter.headers]
    yield table("Original record", ("header", "value"), [["(key)", _key(letter)], *headers])
    yield _body(letter)


def _body(letter: DeadLetter) -> RenderableType:
    text = letter.text
    if text is None:
        return Text("(no body: a tombstone)", "dim")
    rest = [Text("(the rest is at the place that it came from)", "dim")] if letter.cut else []
    return lines(*map(Text, text.split("\n")), *rest)


def _key(letter: DeadLetter) -> str:
    return "(none)" if letter.key is None else letter.key.decode(errors="replace")


def _short(text: str) -> str:
    return text if len(text) <= WHY_CHARS_MAX else f"{text[:WHY_CHARS_MAX]}…"


def ids(letters: Sequence[DeadLetter]) -> str:
    """Return the ids of letters, as people type them."""
    return ", ".join(letter.letter_id for letter in letters)
