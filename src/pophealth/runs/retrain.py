"""Gives a model trained anew and registered, and the frame it is made from, for those who want to look closer."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from pophealth.errors import DeclarationError, UsageError
from pophealth.files import replace_file
from pophealth.runs.promote import gates_of
from pophealth.runs.registry import log_training, registry_of
from pophealth.terms import Purpose

if TYPE_CHECKING:
    from pathlib import Path

    from pophealth.config import Config
    from pophealth.prediction.gates import Gate
    from pophealth.prediction.version import Version

Progress = Callable[[str, int, int], None]


def retrain(config: Config, folder: Path, progress: Progress) -> tuple[Version, list[Gate]]:
    """Train the model declared in `folder` and register it; give the new version and how its gates stand.

    No alias moves: nothing scores with it before it is promoted. The registry is opened first, so that hours of work do
    not end before a database that does not answer.

    Raises
    ------
    DeclarationError, DataContractError
        As `runs.train.train`: a wrong specification, one class only, a constant or wholly missing predictor.
    ConfigError, TryLaterError
        The registry cannot be used or reached.
    """
    from pophealth.runs.train import train

    if not (folder / "card.md").is_file():
        msg = f"model {folder.name}: {folder / 'card.md'} is missing; it says for whom the model is and what it is not for"
        raise DeclarationError(msg)
    registry_of(config, make=True)
    version = log_training(config, train(config, folder, progress=progress), folder)
    return version, gates_of(version)


def write_frame(config: Config, folder: Path, output: Path | None, progress: Progress) -> tuple[Path, int]:
    """Write the training frame of the model declared in `folder` as Parquet; give where, and its rows.

    Rows of people never leave the data root, and nobody but those who develop models needs them.

    Raises
    ------
    UsageError
        The site's purpose is not `development`, or `output` does not lie below the data root.
    """
    from pophealth.runs.train import read_spec
    from pophealth.runs.training_frame import training_frame

    root = config.site.data_root.resolve()
    if config.site.purpose is not Purpose.DEVELOPMENT:
        msg = (
            f"models frame: the site's purpose is '{config.site.purpose}'; rows of people are written for 'development' "
            "only, from a register of that purpose"
        )
        raise UsageError(msg)
    spec, _ = read_spec(folder)
    path = (output or root / "state" / "frames" / f"{spec.id}.parquet").resolve()
    if not path.is_relative_to(root):
        msg = f"models frame: {path} does not lie below the data root {root}; rows of people stay there"
        raise UsageError(msg)
    frame = training_frame(config, spec, progress)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = io.BytesIO()
    frame.write_parquet(made)
    replace_file(path, made.getvalue())
    return path, frame.height
