"""Gives the codes that synthetic records carry: those of the shipped codelists, and SYN: codes where a list is a pointer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pophealth.errors import CodelistError
from pophealth.reference import CodelistLibrary
from pophealth.terms import CodeSystem

SYNTHETIC = CodeSystem.SYNTHETIC.value
CODES_PER_POINTER = 2
"""Codes made for a codelist whose real codes nobody may ship."""


def pointer_codes(codelist: str) -> tuple[str, ...]:
    """Give the SYN: codes that fill a pointer."""
    return tuple(f"SYN:{codelist}:{number}" for number in range(1, CODES_PER_POINTER + 1))


@dataclass(frozen=True)
class Choice:
    """Codes of one meaning as places in a `CodeBook`, with how often each is used."""

    places: npt.NDArray[np.int32]
    edges: npt.NDArray[np.float64]

    def draw(self, rng: np.random.Generator, count: int) -> npt.NDArray[np.int32]:
        """Give `count` places."""
        drawn = np.searchsorted(self.edges, rng.random(count), side="right")
        return self.places[np.minimum(drawn, len(self.places) - 1)]


class CodeBook:
    """Every code that rows of a table can hold, each with a place; a row holds the place.

    The places are given out once, when the book is made, in the order of the library: they do not depend on what is asked
    for, nor on who asks first.
    """

    def __init__(self, library: CodelistLibrary, more: Sequence[tuple[str, str]] = ()) -> None:
        self.library = library
        self._places: dict[tuple[str, str], int] = {}
        for name in library.ids:
            found = library.get(name)
            rows = [(code, str(system)) for code, system in found.codes.select("code", "code_system").rows()]
            for code, system in rows or [(code, SYNTHETIC) for code in pointer_codes(name)]:
                self._places.setdefault((system, code), len(self._places))
        for system, code in more:
            self._places.setdefault((system, code), len(self._places))
        self.systems = [system for system, _ in self._places]
        self.codes = [code for _, code in self._places]
        self._choices: dict[tuple[str, tuple[str, ...]], Choice] = {}

    def place(self, code: str, system: str) -> int:
        """Give the place of a code.

        Raises
        ------
        CodelistError
            The book does not hold it.
        """
        try:
            return self._places[system, code]
        except KeyError:
            msg = f"synth: code {code} of {system} is in no codelist and not among the generator's own"
            raise CodelistError(msg) from None

    def of_list(self, codelist: str, preferred: Sequence[str] = ()) -> Choice:
        """Give a codelist's codes: the preferred ones where the list holds them, most used first; else its first three.

        Raises
        ------
        CodelistError
            No codelist has that id.
        """
        key = (codelist, tuple(preferred))
        if key not in self._choices:
            self._choices[key] = self._of_list(codelist, preferred)
        return self._choices[key]

    def _of_list(self, codelist: str, preferred: Sequence[str]) -> Choice:
        found = self.library.get(codelist)
        if not found.is_filled:
            return self.of_codes(pointer_codes(codelist), SYNTHETIC)
        held = dict(found.codes.select("code", "code_system").rows())
        chosen = [code for code in preferred if code in held] or list(held)[:3]
        return _weighted([self.place(code, str(held[code])) for code in chosen])

    def of_codes(self, codes: Sequence[str], system: str) -> Choice:
        """Give codes of one system, most used first."""
        return _weighted([self.place(code, system) for code in codes])

    def one(self, codelist: str, code: str | None = None) -> int:
        """Give the place of one code of a codelist, its most used when none is named.

        Raises
        ------
        CodelistError
            The list does not hold the code that is named.
        """
        choice = self.of_list(codelist, (code,) if code else ())
        if code is not None and self.codes[int(choice.places[0])] != code:
            msg = f"codelist {codelist}: code {code}, which an archetype or a state names, is not in it"
            raise CodelistError(msg)
        return int(choice.places[0])


def _weighted(places: list[int]) -> Choice:
    weights = 1.0 / np.arange(1, len(places) + 1) ** 1.3
    edges = np.cumsum(weights / weights.sum())
    return Choice(np.array(places, np.int32), edges)
