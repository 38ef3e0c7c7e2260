"""Gives the world that every network of a run is made in: states, codes, medicines, reasons for admission, archetypes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pophealth.reference import CodelistLibrary, load_library
from pophealth.synthetic.codes import SYNTHETIC, Choice, CodeBook
from pophealth.synthetic.planted import Archetype, load_archetypes
from pophealth.synthetic.states import WORLD, State, load_states
from pophealth.synthetic.words import UNITS

FILLER_CONCEPTS = 3_000
"""Made-up concepts that fill a record to its real length; Zipf-like, as real codes are."""
FILLER_EXPONENT = 1.05
LABORATORY_CODES = tuple(f"SYN:laboratory:{number:02d}" for number in range(1, 41))
"""Made-up laboratory tests."""
# Smoking status codes read in the reference pack (snomed/exsmok_cod.csv, lsmok_cod.csv): 1 former, 2 current smokers.
SMOKING_CODES = {1: ("160617001", "1092111000000104"), 2: ("77176002", "65568007", "56578002")}


@dataclass(frozen=True)
class Product:
    """A product the generator issues."""

    place: int
    code: str
    substance: str
    bnf_code: str | None


@dataclass(frozen=True)
class Regimen:
    """A class of medicines that people with a state are issued, or everybody of an age (`state` is then ``any``)."""

    state: str
    medicine_class: str
    share: float
    from_age: int
    to_age: int
    is_repeat: bool


@dataclass(frozen=True)
class Reason:
    """A diagnosis of admitted people; `needs` is a state, ``any`` or ``cvd_event:<state>``."""

    use: str
    code: str
    needs: str
    from_age: int
    to_age: int
    sex: str
    weight: float


@dataclass(frozen=True)
class World:
    """Facts and assumptions, read once."""

    library: CodelistLibrary
    states: tuple[State, ...]
    archetypes: tuple[Archetype, ...]
    events: CodeBook
    measurements: CodeBook
    medications: CodeBook
    medicine_classes: dict[str, Choice]
    products: tuple[Product, ...]
    regimens: tuple[Regimen, ...]
    reasons: tuple[Reason, ...]
    diagnoses: tuple[str, ...]
    units: tuple[str, ...]
    filler: Choice
    state_codes: dict[str, tuple[Choice, Choice | None, Choice | None]]


def load_world() -> World:
    """Give the world of the shipped codelists."""
    library = load_library()
    states, archetypes, reasons = load_states(), load_archetypes(), tuple(_reasons())
    smoking = [("SNOMED", code) for codes in SMOKING_CODES.values() for code in codes]
    background = [(SYNTHETIC, f"SYN:background:{number:04d}") for number in range(1, FILLER_CONCEPTS + 1)]
    events = CodeBook(library, smoking + background)
    rows = list(read_rows(WORLD / "medicines.csv"))
    medications = CodeBook(library, [("dm+d", row["code"]) for row in rows])
    classes, products = _medicines(medications, rows)
    return World(
        library=library,
        states=states,
        archetypes=archetypes,
        events=events,
        measurements=CodeBook(library, [(SYNTHETIC, code) for code in LABORATORY_CODES]),
        medications=medications,
        medicine_classes=classes,
        products=products,
        regimens=tuple(_regimens()),
        reasons=reasons,
        diagnoses=tuple(sorted({reason.code for reason in reasons} | {*_planted(archetypes, "diagnoses")})),
        units=tuple(dict.fromkeys((*UNITS, *_planted(archetypes, "unit")))),
        filler=_filler(events),
        state_codes={state.id: _codes_of(state, events) for state in states},
    )


def _codes_of(state: State, book: CodeBook) -> tuple[Choice, Choice | None, Choice | None]:
    """Give a state's usual codes, those of an early onset, and those that show it as a frailty deficit."""
    usual = book.of_list(state.codelist, state.codes)
    early = book.of_list(state.codelist, state.early_codes) if state.early_codes else None
    own = state.codelist == f"efi_{state.deficit}"
    deficit = book.of_list(f"efi_{state.deficit}", state.deficit_codes) if state.deficit and not own else None
    return usual, early, deficit


def _filler(book: CodeBook) -> Choice:
    places = [book.place(f"SYN:background:{number:04d}", SYNTHETIC) for number in range(1, FILLER_CONCEPTS + 1)]
    weights = np.arange(1, FILLER_CONCEPTS + 1, dtype=np.float64) ** -FILLER_EXPONENT
    return Choice(np.array(places, np.int32), np.cumsum(weights / weights.sum()))


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Give the rows of one of the world's CSV files, without its head of comments."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    yield from csv.DictReader(lines)


def _medicines(book: CodeBook, rows: list[dict[str, str]]) -> tuple[dict[str, Choice], tuple[Product, ...]]:
    products: list[Product] = []
    grouped: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        product = Product(book.place(row["code"], "dm+d"), row["code"], row["substance"], row["bnf_code"] or None)
        products.append(product)
        grouped.setdefault(row["class"], []).append((product.place, float(row["weight"])))
    classes = {}
    for name, members in grouped.items():
        weights = np.array([weight for _, weight in members])
        classes[name] = Choice(np.array([place for place, _ in members], np.int32), np.cumsum(weights / weights.sum()))
    return classes, tuple(products)


def _regimens() -> Iterator[Regimen]:
    for row in read_rows(WORLD / "regimens.csv"):
        yield Regimen(
            row["state"],
            row["class"],
            float(row["share"]),
            int(row["from_age"]),
            int(row["to_age"]),
            row["kind"] == "repeat",
        )


def _planted(archetypes: tuple[Archetype, ...], key: str) -> Iterator[str]:
    """Give the texts that records of archetypes hold under a key."""
    for archetype in archetypes:
        for record in archetype.records:
            held = record.get(key, ())
            yield from (held,) if isinstance(held, str) else held


def _reasons() -> Iterator[Reason]:
    for row in read_rows(WORLD / "admissions.csv"):
        yield Reason(
            row["use"],
            row["code"],
            row["needs"],
            int(row["from_age"]),
            int(row["to_age"]),
            row["sex"],
            float(row["weight"]),
        )
