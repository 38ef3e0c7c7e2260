"""Gives what every section of the configuration is: frozen, strict, no unknown key."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Base of every section: frozen; unknown keys, numbers in quotes, infinities and yes-or-no as 1 are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Said = Annotated[str, Field(pattern=r"\S")]
"""Text that says something: an agreement without a reference is none."""
