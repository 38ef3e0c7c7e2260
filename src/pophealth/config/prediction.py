"""Gives the section on fitted models: where they are registered, and which of them a run scores with."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from pophealth.config.base import Section


class Models(Section):
    """Where models are tracked and registered, and which a run scores with.

    `tracking_uri` is a database that MLflow knows (``postgresql://...``); without it, ``sqlite`` below the data root.
    `use` names model ids; each is scored by the version that carries `alias` when the run begins.
    """

    tracking_uri: str | None = None
    artifacts: Path | None = None
    use: tuple[str, ...] = ()
    alias: str = Field(default="champion", pattern=r"^[a-z][a-z0-9_]*$")
