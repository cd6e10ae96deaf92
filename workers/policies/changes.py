"""What changed from one policy document to another, in sentences that people can read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.policy.document import PolicyDocument, content_of


@dataclass(frozen=True, slots=True)
class Change:
    """One difference by its path; ``before`` is None for what is new, ``after`` for what is gone."""

    path: str
    before: object
    after: object

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.path}: {_text(self.after)}"
        if self.after is None:
            return f"- {self.path}: {_text(self.before)}"
        return f"~ {self.path}: {_text(self.before)} → {_text(self.after)}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def changes(before: PolicyDocument, after: PolicyDocument) -> list[Change]:
    """Return what differs, defaults filled in: terms first, then the rules by name, then their order."""
    old, new = content_of(before), content_of(after)
    rules = _by_name(old.pop("rules")), _by_name(new.pop("rules"))
    questions = _by_name(old.pop("questions")), _by_name(new.pop("questions"))
    return [
        *_of_object("", old, new),
        *_of_named("rule", *rules),
        *_of_named("question", *questions),
    ]


def _by_name(entries: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: {key: value for key, value in entry.items() if key != "name"} for entry in entries}


def _of_object(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in [*old, *(key for key in new if key not in old)]:
        here = f"{path}.{key}" if path else key
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _of_object(here, before, after)
        elif before != after:
            yield Change(here, before, after)


def _of_named(kind: str, old: Mapping[str, dict[str, Any]], new: Mapping[str, dict[str, Any]]) -> Iterator[Change]:
    """Yield what differs between rules, or questions, of the same name, then their order."""
    for name in [*old, *(name for name in new if name not in old)]:
        here = f"{kind} “{name}”"
        if name not in new or name not in old:
            yield Change(here, old.get(name), new.get(name))
            continue
        if old[name].get("when") != new[name].get("when"):
            yield Change(f"{here}.when", old[name].get("when"), new[name].get("when"))
        yield from _of_object(here, *({k: v for k, v in side[name].items() if k != "when"} for side in (old, new)))
    kept_before, kept_after = [name for name in old if name in new], [name for name in new if name in old]
    if kept_before != kept_after:
        yield Change(f"order of {kind}s", ", ".join(kept_before), ", ".join(kept_after))
