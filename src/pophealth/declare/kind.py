"""Gives what is said of one kind of feature: what it gives, reads and takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Result = Literal["bool", "int", "float", "date", "category", "text_list"]


@dataclass(frozen=True)
class Kind:
    """One kind of feature.

    Attributes
    ----------
    gives, result
        What the value is, in one sentence, tie-breaks included; and its type.
    tables
        Tables read unless the declaration names others; none for kinds made of other features.
    needs, takes
        Keys a declaration must and may have beside the common ones.
    is_dated
        Whether a column ``<name>_date`` comes with it.
    """

    gives: str
    result: Result
    tables: tuple[str, ...]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    is_dated: bool = False

    @property
    def is_derived(self) -> bool:
        """Whether it is made of other features of the same person, not of records."""
        return not self.tables
