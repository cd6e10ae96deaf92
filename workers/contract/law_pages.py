"""The pages of the law, one a country, made from its newest edition: ``python -m workers.contract.law_pages``."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Final

import pycountry

from domain.policy.statutes import NEWEST, Edition, Statute, edition_numbered
from domain.policy.statutes.right import JurisdictionFile
from workers.contract.law_words import conditions_of, effects_of, length_of, sureness_of, times_of, validity_of
from workers.contract.markdown import table
from workers.contract.writing import write_changed

GENERATED: Final = "<!-- Written by `python -m workers.contract.law_pages`; make a new edition, edit no page. -->\n"
PAGES: Final = Path(__file__).parents[2] / "docs" / "law"
SCHEMA: Final = "jurisdiction.schema.json"
TIMELINE_FROM: Final = 2014
BAR: Final = "█"
NONE: Final = "·"


def files() -> dict[str, str]:
    """Return every generated file by its name; the same edition gives the same bytes."""
    edition = edition_numbered(NEWEST)
    pages = {f"{country}.md": _page(edition, country) for country in edition.countries}
    schema = json.dumps(JurisdictionFile.model_json_schema(), indent=2) + "\n"
    return pages | {"countries.md": _index(edition), SCHEMA: schema}


def _name(country: str) -> str:
    found = pycountry.countries.get(alpha_2=country)
    return str(getattr(found, "common_name", found.name)) if found else country


def _index(edition: Edition) -> str:
    text = f"{GENERATED}\n# Countries of edition {edition.number}\n\nHash `{edition.hash}`.\n\n"
    rows = (
        (f"[{country}]({country}.md)", _name(country), ", ".join(f"`{name}`" for name in _names(edition, country)))
        for country in edition.countries
    )
    return text + table(("country", "name", "rights"), rows).rstrip() + "\n"


def _names(edition: Edition, country: str) -> list[str]:
    return list(dict.fromkeys(right.id for right in edition.rights if country in right.countries))


def _page(edition: Edition, country: str) -> str:
    rights = [right for right in edition.rights if country in right.countries]
    text = f"{GENERATED}\n# {_name(country)} ({country}), edition {edition.number}\n\n"
    zones = sorted({zone for right in rights for zone in right.zones.get(country, ())})
    text += f"Days are counted in {', '.join(zones)}" + ("; the latest end decides.\n\n" if len(zones) > 1 else ".\n\n")
    rows = (
        (f"`{right.id}`", right.title, validity_of(right), length_of(right), " ".join(right.grants)) for right in rights
    )
    text += table(("right", "what it is", "orders", "lasts", "grants"), rows)
    text += (
        "## Timeline\n\nBy the day of the order, a column a year.\n\n```\n"
        + _timeline(rights, _looked_at_in(edition))
        + "```\n\n"
    )
    return (text + "".join(_section(right) for right in rights)).rstrip() + "\n"


def _looked_at_in(edition: Edition) -> int:
    """Return the year in which the last of an edition's sources was looked at."""
    return max(file.checked_on.year for file in edition.files if file.checked_on is not None)


def _timeline(rights: list[Statute], looked_at_in: int) -> str:
    """Return when each right holds, up to two years after the last change, and after its source was looked at."""
    years = range(TIMELINE_FROM, max(looked_at_in, *(right.valid_from.year for right in rights)) + 3)
    wide = max(len(right.id) for right in rights)
    head = " " * wide + "  " + " ".join(f"{year % 100:02}" for year in years) + "\n"
    lines = (f"{right.id:{wide}}  " + " ".join(_in_year(right, year) for year in years) + "\n" for right in rights)
    return head + "".join(line.rstrip() + "\n" for line in lines)


def _in_year(right: Statute, year: int) -> str:
    """Return two marks: whether the right is in force on the first day of the year, and on the last."""
    return "".join(BAR if right.in_force(day) else NONE for day in (date(year, 1, 1), date(year, 12, 31)))


def _section(right: Statute) -> str:
    text = f"## {right.title}\n\n`{right.id}`, orders {validity_of(right)}. {right.sentence}\n\n"
    for title, said in (
        ("Lasts", [length_of(right), *times_of(right)]),
        ("Holds", list(conditions_of(right))),
        ("Grants", list(effects_of(right))),
        ("Source", list(right.citations)),
    ):
        if said:
            text += f"**{title}**\n\n" + "".join(f"- {one}\n" for one in said) + "\n"
    text += f"**How sure:** {sureness_of(right)}.\n\n"
    return text + (f"{right.note}\n\n" if right.note else "")


def main() -> None:
    """Write the files; print the names of those that changed."""
    write_changed(files(), PAGES, "docs/law")


if __name__ == "__main__":
    main()
