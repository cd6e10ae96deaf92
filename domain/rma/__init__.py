"""A return merchandise authorization: one case over lines and quantities of one order."""

from domain.rma.rma import Rma

__all__ = ["Rma"]
