"""Rules over an order and one return of it: who decides what, from the request to the last cent."""

from domain.case.case import Case

__all__ = ["Case"]
