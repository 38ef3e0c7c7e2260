"""Gives a declared score: what a published formula reads, what it gives, and whose it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Input:
    """One input column.

    Parameters
    ----------
    name
        Field term with its unit; the same thing has the same name in every score.
    dtype
        What a value is. ``codes`` is a list of codes (in CSV: text joined by ``;``).
    unit
        Unit of the value, as it would be printed.
    allowed
        Labels of a ``category``, or the lowest and highest number the score accepts.
    missing
        What a missing value means, as a sentence for `scores describe`.
    needed
        Whether a missing value leaves no score; false where a stated value stands in for it.
    optional
        Whether the whole column may be absent; it is then taken as missing for everybody.
    feature
        What of the line feeds it, where that is not the column of its name: a column (a feature or another score's
        output), or for a flag a predicate over columns, written as in rules.
    description
        Definition of the input: look-back, what counts.
    """

    name: str
    dtype: Literal["bool", "int", "float", "category", "date", "text", "codes"]
    unit: str | None = None
    allowed: tuple[str, ...] | tuple[float, float] | None = None
    missing: str = "no score"
    needed: bool = True
    optional: bool = False
    feature: str | None = None
    description: str = ""

    @property
    def fed_by(self) -> str:
        """What of the line feeds this input: a column, or a predicate over columns."""
        return self.feature or self.name


@dataclass(frozen=True)
class Output:
    """One output column: type, unit and a sentence."""

    name: str
    dtype: Literal["bool", "int", "float", "category", "text", "list of text"]
    unit: str | None
    description: str


@dataclass(frozen=True)
class Option:
    """One choice a caller may make: its default, what it may be, and a sentence. The default's type is its type."""

    name: str
    default: bool | float | str | None
    description: str
    allowed: tuple[str, ...] | tuple[float, float] | None = None


@dataclass(frozen=True)
class Score:
    """A published score, whole.

    `compute` takes a frame that holds exactly the inputs, typed and checked, and every option; it gives a frame of the
    same height with the declared outputs and ``<id>_flags``, nothing else. `pophealth.scores.compute` is the door.
    `statement` and `link` stand beside every displayed value. `line_options` are the options the line computes it with.
    """

    id: str
    title: str
    version: str
    source: str
    licence: str
    range: tuple[float, float]
    direction: Literal["higher is worse", "higher is better", "none"]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    primary_output: str
    compute: Callable[[pl.DataFrame, Mapping[str, Any]], pl.DataFrame]
    options: tuple[Option, ...] = ()
    needs_licence_acceptance: bool = False
    statement: str = ""
    link: str | None = None
    line_options: tuple[tuple[str, bool | float | str], ...] = ()

    @property
    def flags_output(self) -> str:
        """Name of the list column that says what was imputed, clamped, out of range, missing or not applicable."""
        return f"{self.id}_flags"

    @property
    def version_output(self) -> str:
        """Name of the column that holds the version of the coefficients."""
        return f"{self.id}_version"

    @property
    def columns(self) -> tuple[Output, ...]:
        """Every column a computation adds, in order: the outputs, the flags, the version."""
        flags = Output(self.flags_output, "list of text", None, FLAGS_MEAN)
        version = Output(self.version_output, "text", None, "Version of the formula and its coefficients")
        return (*self.outputs, flags, version)


FLAGS_MEAN = (
    "Empty, or what a reader must know: imputed:<input> (a stated value stood in), clamped:<input> (moved to the nearest "
    "accepted value), out_of_range:<input>, missing:<input>, not_applicable:<input or reason>"
)
"""What the flags column holds, in one sentence."""
