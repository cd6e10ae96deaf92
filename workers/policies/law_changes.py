"""What one edition of the statutes says otherwise than another."""

from __future__ import annotations

from typing import Any, NamedTuple

from domain.policy.statutes import Edition, Statute


class LawChange(NamedTuple):
    """One right that is new, gone, or says something else."""

    right: str
    what: str
    field: str | None
    before: Any
    after: Any

    @property
    def told(self) -> str:
        """The change as one line."""
        if self.field is None:
            return f"{'+' if self.what == 'new' else '-'} {self.right}"
        return f"~ {self.right}.{self.field}: {self.before!r} is {self.after!r} now"


def law_changes(before: Edition, after: Edition) -> list[LawChange]:
    """Return every change, by right; rights are told apart by their id and first day."""
    known, now = _by_name(before), _by_name(after)
    found: list[LawChange] = []
    for name in sorted({*known, *now}):
        if name not in now:
            found.append(LawChange(name, "gone", None, None, None))
        elif name not in known:
            found.append(LawChange(name, "new", None, None, None))
        else:
            found += _changed(name, known[name], now[name])
    return found


def _by_name(edition: Edition) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for right in edition.rights:
        name = right.id if right.id not in found else f"{right.id} ({right.valid_from})"
        found[name] = _content(right)
    return found


def _content(right: Statute) -> dict[str, object]:
    """Return what bears on decisions: not the words about it."""
    content = right.model_dump(mode="json", exclude={"title", "sentence", "note", "sure", "citations", "article"})
    return {field: sorted(value) if field in {"countries", "reasons", "exceptions"} and value else value
            for field, value in content.items()}  # fmt: skip


def _changed(name: str, before: dict[str, object], after: dict[str, object]) -> list[LawChange]:
    return [
        LawChange(name, "other", field, before[field], after[field])
        for field in before
        if before[field] != after[field]
    ]
