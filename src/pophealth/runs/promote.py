"""Gives a model's move into use and back: gates first, then the log, then the alias."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from typing import TYPE_CHECKING

from pophealth.errors import GateError, UsageError
from pophealth.runs.clock import now
from pophealth.runs.promotions import Promotion, append_promotion, current, read_promotions
from pophealth.runs.registry import registry_of

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.prediction.gates import Gate
    from pophealth.prediction.version import Version

ALIASES = ("champion", "challenger")


def gates_of(version: Version) -> list[Gate]:
    """Give the gates of a version: those of the specification it was trained by, against its own report."""
    from pophealth.declare.model import parse_model
    from pophealth.prediction.gates import check_gates

    spec = parse_model(
        tomllib.loads(version.file("bundle/model.toml").read_text("utf-8")), folder_name=version.model_id
    )
    return check_gates(spec, json.loads(version.file("report.json").read_bytes()))


def promote(config: Config, model_id: str, number: int, *, alias: str, by: str, reason: str) -> Promotion:
    """Let `alias` of a model mean version `number`, and write down who said so and why.

    The line reaches the disk before the alias moves: a run that finds them apart refuses, and the same command again
    mends it.

    Raises
    ------
    UsageError
        There is no such version.
    GateError
        The version does not pass its gates; the message names each.
    IntegrityError
        A file of the version, or the log, is not what it was.
    """
    return _move(config, model_id, number, alias=alias, by=by, reason=reason, event="promoted")


def roll_back(config: Config, model_id: str, *, alias: str, by: str, reason: str) -> Promotion:
    """Let `alias` mean the version it meant before; give what was written down.

    Raises
    ------
    UsageError
        There is none before.
    """
    entry = current(read_promotions(config.site.data_root), model_id, alias)
    if entry is None or entry.previous_version is None:
        msg = f"model {model_id}: the promotion log knows no {alias} before this one; there is nothing to go back to"
        raise UsageError(msg)
    return _move(config, model_id, entry.previous_version, alias=alias, by=by, reason=reason, event="rolled_back")


def _move(config: Config, model_id: str, number: int, *, alias: str, by: str, reason: str, event: str) -> Promotion:
    if not by.strip() or not reason.strip():
        msg = "promotion: --by NAME and --reason TEXT say who decided and why; neither may be empty"
        raise UsageError(msg)
    registry = registry_of(config)
    version = registry.version(model_id, str(number))
    version.check()
    gates = gates_of(version)
    shut = [gate.words() for gate in gates if not gate.passed]
    if shut:
        msg = f"model {model_id} version {number}: {len(shut)} of {len(gates)} gates shut: {'; '.join(shut)}"
        raise GateError(msg)
    entries = read_promotions(config.site.data_root)
    entry = Promotion(
        at=now(),
        event=event,
        model_id=model_id,
        alias=alias,
        version=number,
        previous_version=_before(entries, model_id, alias, number, event),
        artifacts_sha256=version.sha256,
        by=by.strip(),
        reason=reason.strip(),
        gates={gate.name: asdict(gate) for gate in gates},
    )
    append_promotion(config.site.data_root, entry)
    registry.set_alias(model_id, alias, number)
    return entry


def _before(entries: list[Promotion], model_id: str, alias: str, number: int, event: str) -> int | None:
    """Give which version a rollback from `number` would go to.

    After a rollback that is what stood before the version gone back to: going back twice does not come forth again.
    """
    mine = [entry for entry in entries if (entry.model_id, entry.alias) == (model_id, alias)]
    if not mine:
        return None
    if event == "rolled_back" or mine[-1].version == number:
        earlier = [entry for entry in mine if entry.version == number]
        return earlier[-1].previous_version if earlier else None
    return mine[-1].version
