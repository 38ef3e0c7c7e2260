"""Gives what a configuration amounts to before any record is read, and the removal of what need not be kept."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from pophealth.cohorts import load_rules
from pophealth.errors import ConfigError
from pophealth.features import load_features
from pophealth.plan import rules_in_force
from pophealth.reference import load_areas, load_library, load_medicine_map, load_memberships
from pophealth.register import prune as prune_snapshots
from pophealth.runs.lock import exclusive
from pophealth.runs.status import list_runs

if TYPE_CHECKING:
    from pathlib import Path

    from pophealth.config import Config


def check_config(config: Config) -> dict[str, Any]:
    """Give what the configuration names, each file opened once.

    Raises
    ------
    ConfigError
        A file it names is absent, or a key readable by others than its owner.
    DataContractError
        A reference file breaks its contract.
    """
    absent = [f"{name} = {path}" for name, path in _named_paths(config).items() if not path.exists()]
    if absent:
        msg = f"config names {len(absent)} paths that do not exist: {'; '.join(absent)}"
        raise ConfigError(msg)
    if config.site.key_file.stat().st_mode & 0o077:
        msg = f"config site.key_file: {config.site.key_file} can be read by others; set its mode to 0600"
        raise ConfigError(msg)
    library = load_library(*config.reference.codelists)
    facts: dict[str, Any] = {
        "site": config.site.name,
        "purpose": config.site.purpose.value,
        "legal_basis": config.site.legal_basis.value,
        "layout": config.extract.layout,
        "codelists": len(library.ids),
        "pointers_not_filled": [name for name in library.ids if not library.get(name).is_filled],
        "features": len(load_features(*config.reference.features)),
        "rules": len(load_rules(*config.reference.rules)),
        "configuration_digest": config.digest(),
    }
    if config.site.contract_year is not None:
        facts["rules_in_force"] = len(rules_in_force(config, config.site.contract_year))
    reference = config.reference
    if reference.memberships is not None:
        memberships, warnings = load_memberships(reference.memberships)
        facts |= {"membership_rows": memberships.height, "membership_warnings": warnings}
    if reference.areas_2011 or reference.areas_2021:
        facts["areas"] = load_areas(reference.areas_2011, reference.areas_2021).height
    if reference.medicine_map is not None:
        facts["medicines_mapped"] = load_medicine_map(reference.medicine_map).height
    return facts


def _named_paths(config: Config) -> dict[str, Path]:
    named: dict[str, Path | None] = {
        "site.key_file": config.site.key_file,
        "site.signing_key_file": config.site.signing_key_file,
        "extract.path": config.extract.path,
        "restricted.codelist": config.restricted.codelist,
        "opt_outs.national_list": config.opt_outs.national_list,
        "opt_outs.type_1_list": config.opt_outs.type_1_list,
        "reference.memberships": config.reference.memberships,
        "reference.areas_2011": config.reference.areas_2011,
        "reference.areas_2021": config.reference.areas_2021,
        "reference.medicine_map": config.reference.medicine_map,
    }
    for name in ("codelists", "features", "rules"):
        named |= {f"reference.{name}[{place}]": path for place, path in enumerate(getattr(config.reference, name))}
    return {name: path for name, path in named.items() if path is not None}


def prune(config: Config, keep: int) -> list[str]:
    """Remove all but the newest `keep` snapshots and runs; give what was removed, by path."""
    root = config.site.data_root
    with exclusive(root):
        removed = [str(root / "register" / name) for name in prune_snapshots(root, keep)]
        for item in list_runs(root)[:-keep]:
            folder = root / "deliveries" / item["run_id"]
            if folder.is_dir():
                shutil.rmtree(folder)
                removed.append(str(folder))
    return removed
