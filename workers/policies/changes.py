"""What changed from one policy document to another, in sentences that people can read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.policy.document import PolicyDocument, canonical_json


@dataclass(frozen=True, slots=True)
class Change:
    """One difference by its path; ``before`` is None for what is new, ``after`` for what is gone."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.path}: {_text(self.after)}"
        if self.after is None:
            return f"- {self.path}: {_text(self.before)}"
        return f"~ {self.path}: {_text(self.before)} → {_text(self.after)}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def changes(before: PolicyDocument, after: PolicyDocument) -> list[Change]:
    """Return what differs, defaults filled in: terms first, then the rules by name, then their order."""
    old, new = json.loads(canonical_json(before)), json.loads(canonical_json(after))
    old_rules, new_rules = _by_name(old.pop("rules", [])), _by_name(new.pop("rules", []))
    return [*_of_object("", old, new), *_of_rules(old_rules, new_rules)]


def _by_name(rules: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {rule["name"]: {key: value for key, value in rule.items() if key != "name"} for rule in rules}


def _of_object(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in [*old, *(key for key in new if key not in old)]:
        here = f"{path}.{key}" if path else key
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _of_object(here, before, after)
        elif before != after:
            yield Change(here, before, after)


def _of_rules(old: Mapping[str, dict[str, Any]], new: Mapping[str, dict[str, Any]]) -> Iterator[Change]:
    for name in [*old, *(name for name in new if name not in old)]:
        here = f"rule “{name}”"
        if name not in new or name not in old:
            yield Change(here, old.get(name), new.get(name))
            continue
        if old[name]["when"] != new[name]["when"]:
            yield Change(f"{here}.when", old[name]["when"], new[name]["when"])
        yield from _of_object(f"{here}.then", old[name]["then"], new[name]["then"])
    kept_before, kept_after = [name for name in old if name in new], [name for name in new if name in old]
    if kept_before != kept_after:
        yield Change("order of rules", ", ".join(kept_before), ", ".join(kept_after))
