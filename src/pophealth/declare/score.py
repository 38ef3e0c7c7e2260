"""Gives a declared score: what a published formula reads, what it gives, and whose it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Input:
    """One input column: type, unit, allowed values, and what missing means."""

    name: str
    dtype: Literal["bool", "int", "float", "category", "date", "text"]
    unit: str | None = None
    allowed: tuple[str, ...] | tuple[float, float] | None = None
    missing: str = "no score"


@dataclass(frozen=True)
class Output:
    """One output column: type, unit, range and a sentence."""

    name: str
    dtype: Literal["bool", "int", "float", "category"]
    unit: str | None
    description: str


@dataclass(frozen=True)
class Score:
    """A published score, whole. `compute` takes a frame with the inputs and gives it back with the outputs added."""

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
    compute: Callable[[pl.DataFrame], pl.DataFrame]
