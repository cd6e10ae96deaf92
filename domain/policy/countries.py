"""The countries there are, by the two letters of ISO 3166-1."""

from __future__ import annotations

from functools import cache
from typing import Final

import pycountry

BESIDE_ISO: Final = frozenset({"EU", "ZZ"})
"""Reserved by ISO 3166-1 for the Union, which is no country; and a country that nobody knows, as Unicode has it."""


@cache
def countries() -> frozenset[str]:
    """Return the codes of all countries of which an order or a site may be."""
    return frozenset(country.alpha_2 for country in pycountry.countries) | BESIDE_ISO
