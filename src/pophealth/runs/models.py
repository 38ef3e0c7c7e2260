"""Gives what is registered: versions with what they reached, two of them side by side, one of them with its card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pophealth.errors import IntegrityError
from pophealth.runs.promote import gates_of
from pophealth.runs.promotions import current, read_promotions
from pophealth.runs.registry import registry_of

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.prediction.version import Version


def list_versions(config: Config) -> list[dict[str, Any]]:
    """Give one entry a version, by model and number.

    Keys: model_id, version, aliases, estimator, spec_version, code_version, auroc, calibration_slope, gates (``passed``,
    how many are shut, or ``damaged``), promoted_by and promoted_at (of the alias it carries by this site's log).
    """
    log = read_promotions(config.site.data_root)
    rows = []
    for version in registry_of(config).versions():
        metrics, gates = _standing(version)
        entries = [current(log, version.model_id, alias) for alias in version.aliases]
        promoted = next((entry for entry in entries if entry and entry.version == version.version), None)
        rows.append(
            {
                "model_id": version.model_id,
                "version": version.version,
                "aliases": list(version.aliases),
                "estimator": version.tags.get("estimator"),
                "spec_version": version.tags.get("spec_version"),
                "code_version": version.tags.get("code_version"),
                "auroc": (metrics.get("auroc") or {}).get("estimate"),
                "calibration_slope": (metrics.get("calibration_slope") or {}).get("estimate"),
                "gates": gates,
                "promoted_by": promoted.by if promoted else None,
                "promoted_at": promoted.at if promoted else None,
            }
        )
    return rows


def _standing(version: Version) -> tuple[dict[str, Any], str]:
    """Give a version's figures and how its gates stand; a damaged version must not hide the others."""
    try:
        version.check()
        shut = [gate for gate in gates_of(version) if not gate.passed]
        return _report(version).get("metrics", {}), f"{len(shut)} shut" if shut else "passed"
    except IntegrityError:
        return {}, "damaged"


def compare_versions(config: Config, first: tuple[str, str], second: tuple[str, str]) -> list[dict[str, Any]]:
    """Give every figure of two versions with the difference, everybody's first, then by group.

    They were measured on the people of their own trainings: a difference between two registers is not one of models.

    Raises
    ------
    UsageError
        There is no such version.
    """
    registry = registry_of(config)
    one, two = (_figures(_report(registry.version(*named))) for named in (first, second))
    rows = []
    for group, figure in dict.fromkeys([*one, *two]):
        values = [side.get((group, figure)) for side in (one, two)]
        known = values[0] is not None and values[1] is not None
        rows.append(
            {
                "group": group,
                "figure": figure,
                "first": values[0],
                "second": values[1],
                "difference": values[1] - values[0] if known else None,  # type: ignore[operator]
            }
        )
    return rows


def card_of(config: Config, named: tuple[str, str]) -> dict[str, Any]:
    """Give a version's card as text, its report, and where its pictures lie.

    Raises
    ------
    UsageError
        There is no such version.
    IntegrityError
        A file of it is missing or changed.
    """
    version = registry_of(config).version(*named)
    version.check()
    return {
        "model_id": version.model_id,
        "version": version.version,
        "aliases": list(version.aliases),
        "card": version.file("card.md").read_text("utf-8"),
        "report": _report(version),
        "pictures": [str(path) for path in sorted((version.folder / "plots").glob("*.png"))],
    }


def _report(version: Version) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(version.file("report.json").read_bytes())
    return report


def _figures(report: dict[str, Any]) -> dict[tuple[str, str], float | None]:
    found = {("everybody", name): figure.get("estimate") for name, figure in report.get("metrics", {}).items()}
    for group in report.get("subgroups", ()):
        label = f"{group['grouping']} {group['group']}"
        found |= {
            (label, name): (figure.get("figure") or {}).get("estimate") for name, figure in group["figures"].items()
        }
    return found
