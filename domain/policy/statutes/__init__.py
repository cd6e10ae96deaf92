"""Statutory rights: a second layer above every policy, as data with citations in numbered editions; it only widens."""

from domain.policy.statutes.editions import (
    EDITIONS,
    FIRST,
    NEWEST,
    NO_LAW,
    Edition,
    Law,
    LawPin,
    articles_of,
    edition_numbered,
    law_for,
    titles_of,
)
from domain.policy.statutes.right import Statute

__all__ = [
    "EDITIONS",
    "FIRST",
    "NEWEST",
    "NO_LAW",
    "Edition",
    "Law",
    "LawPin",
    "Statute",
    "articles_of",
    "edition_numbered",
    "law_for",
    "titles_of",
]
