"""Gives what a configuration amounts to before any record is read, and the removal of what need not be kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pophealth.cohorts import load_rules
from pophealth.config import ByOrganisation
from pophealth.errors import ConfigError, TryLaterError
from pophealth.features import load_features
from pophealth.plan import rules_in_force
from pophealth.population import BASE_COLUMNS
from pophealth.reference import (
    load_areas,
    load_library,
    load_medicine_map,
    load_memberships,
    load_network_details,
    load_practice_map,
)
from pophealth.register import prune as prune_snapshots
from pophealth.runs.lock import exclusive
from pophealth.runs.resume import committed_networks, deliveries_folder, remove_run, remove_unfinished
from pophealth.runs.status import list_runs

if TYPE_CHECKING:
    from pathlib import Path

    from pophealth.config import Config
    from pophealth.reference import CodelistLibrary


def check_config(config: Config) -> dict[str, Any]:
    """Give what the configuration names, each file opened once.

    Raises
    ------
    ConfigError
        A file it names is absent, a key can be read by others than its owner, or lies under `data_root`; a model it uses
        has no version with the alias.
    DataContractError
        A reference file breaks its contract.
    IntegrityError
        A model it uses is damaged, was moved past the promotion log, or learnt from other declarations or codelists.
    """
    absent = [f"{name} = {path}" for name, path in _named_paths(config).items() if not path.exists()]
    if absent:
        msg = f"config names {len(absent)} paths that do not exist: {'; '.join(absent)}"
        raise ConfigError(msg)
    _check_keys(config)
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
    return facts | _reference_facts(config) | _model_facts(config, library)


def _model_facts(config: Config, library: CodelistLibrary) -> dict[str, Any]:
    """Give what the alias of each model in use means now, checked as a run does; a registry that is away may be back tonight."""
    if not config.models.use:
        return {}
    from pophealth.runs.in_use import check_declarations, models_in_use

    try:
        models = models_in_use(config)
    except TryLaterError as error:
        return {"models": f"not looked at: {error}"}
    features = load_features(*config.reference.features)
    check_declarations(models, {*BASE_COLUMNS, *features}, features, library)
    return {"models": {model.spec.id: f"{model.alias} is version {model.version}" for model in models}}


def _check_keys(config: Config) -> None:
    """Refuse keys that others can read, or that a copy of the data would carry along."""
    for name in ("key_file", "signing_key_file"):
        path: Path | None = getattr(config.site, name)
        if path is None:
            continue
        if path.stat().st_mode & 0o077:
            msg = f"config site.{name}: {path} can be read by others; set its mode to 0600"
            raise ConfigError(msg)
        if path.resolve().is_relative_to(config.site.data_root.resolve()):
            msg = f"config site.{name}: {path} lies under site.data_root; a copy of the data must not carry its key"
            raise ConfigError(msg)


def _reference_facts(config: Config) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    reference = config.reference
    if reference.memberships is not None:
        memberships, warnings = load_memberships(reference.memberships)
        facts |= {"membership_rows": memberships.height, "membership_warnings": warnings}
    if reference.network_details is not None:
        facts["networks_described"] = load_network_details(reference.network_details).height
    if isinstance(config.extract.attribution, ByOrganisation):
        facts["practices_mapped"] = load_practice_map(config.extract.attribution.practice_map).height
    if reference.areas_2011 or reference.areas_2021:
        facts["areas"] = load_areas(reference.areas_2011, reference.areas_2021).height
    if reference.medicine_map is not None:
        facts["medicines_mapped"] = load_medicine_map(reference.medicine_map).height
    return facts


def _named_paths(config: Config) -> dict[str, Path]:
    attribution = config.extract.attribution
    named: dict[str, Path | None] = {
        "site.key_file": config.site.key_file,
        "site.signing_key_file": config.site.signing_key_file,
        "extract.path": config.extract.path,
        "extract.attribution.practice_map": attribution.practice_map
        if isinstance(attribution, ByOrganisation)
        else None,
        "restricted.codelist": config.restricted.codelist,
        "opt_outs.national_list": config.opt_outs.national_list,
        "opt_outs.type_1_list": config.opt_outs.type_1_list,
        "reference.memberships": config.reference.memberships,
        "reference.network_details": config.reference.network_details,
        "reference.areas_2011": config.reference.areas_2011,
        "reference.areas_2021": config.reference.areas_2021,
        "reference.medicine_map": config.reference.medicine_map,
    }
    for name in ("codelists", "features", "rules"):
        named |= {f"reference.{name}[{place}]": path for place, path in enumerate(getattr(config.reference, name))}
    return {name: path for name, path in named.items() if path is not None}


def prune(config: Config, keep: int) -> list[str]:
    """Remove all but the newest `keep` snapshots and delivered runs; give what was removed, by path.

    A run that delivered nothing is never among those kept: a bad night must not push out the last good list.
    """
    root = config.site.data_root
    with exclusive(root):
        remove_unfinished(root)
        removed = [str(root / "register" / name) for name in prune_snapshots(root, keep)]
        runs = _runs_by_age(root)
        kept = [name for name in runs if committed_networks(root, name)][-keep:]
        removed += [str(remove_run(root, name)) for name in runs if name not in kept]
    return removed


def _runs_by_age(root: Path) -> list[str]:
    """Give the runs that have a folder, oldest first: in the order they last began; ones no diary knows come first."""
    began = {item["run_id"]: place for place, item in enumerate(list_runs(root))}
    here = [
        path
        for path in deliveries_folder(root).glob("*")
        if re.fullmatch(r"[0-9a-f]{64}", path.name) and path.is_dir() and not path.is_symlink()
    ]
    here.sort(key=lambda path: (began.get(path.name, -1), path.stat().st_mtime_ns))
    return [path.name for path in here]
