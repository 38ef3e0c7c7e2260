"""Gives the site configuration: TOML in, frozen models out; an unknown key is an error with a suggestion."""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pophealth.config.base import Section
from pophealth.config.extract import Extract
from pophealth.config.planning import Delivery, Planning
from pophealth.config.prediction import Models
from pophealth.config.sections import OptOuts, Reference, Restricted, Runs, Scores, Site
from pophealth.errors import ConfigError


class Config(Section):
    """The whole configuration of a site. Paths are resolved against the folder of the file."""

    site: Site
    extract: Extract
    reference: Reference = Reference()
    opt_outs: OptOuts = OptOuts()
    restricted: Restricted = Restricted()
    scores: Scores = Scores()
    runs: Runs = Runs()
    models: Models = Models()
    planning: Planning = Planning()
    delivery: Delivery = Delivery()

    def digest_parts(self) -> dict[str, Any]:
        """Give what of the configuration decides results: no paths, no secrets, no number of threads."""
        places = {"site": {"register_url"}, "runs": {"threads", "networks_at_once"}, "models": {"tracking_uri"}}
        whole = self.model_dump(mode="json", exclude=places)
        return {name: _without_paths(section, type(getattr(self, name))) for name, section in whole.items()}

    def digest(self) -> str:
        """Give the SHA-256 of `digest_parts`, as hex."""
        return hashlib.sha256(json.dumps(self.digest_parts(), sort_keys=True).encode()).hexdigest()


def _without_paths(section: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    kept = {name: value for name, value in section.items() if "Path" not in str(model.model_fields[name].annotation)}
    if isinstance(kept.get("attribution"), dict):
        kept["attribution"] = {key: value for key, value in kept["attribution"].items() if key != "practice_map"}
    for table, mapping in kept.get("tables", {}).items():
        kept["tables"][table] = {key: value for key, value in mapping.items() if key != "file"}
    return kept


def load_config(path: Path) -> Config:
    """Give the configuration in a TOML file, its paths made absolute against the file's folder.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML, or breaks a rule; the message names key and nearest known key.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        # by way of JSON: strict types, and still text for paths and dates
        config = Config.model_validate_json(json.dumps(table, default=str))
        resolved: Config = _resolve(config, path.parent.resolve())
    except OSError as error:
        msg = f"config {path}: cannot be read ({error.strerror})"
        raise ConfigError(msg) from error
    except ValidationError as error:
        problems = "; ".join(_problem(dict(item)) for item in error.errors())
        msg = f"config {path}: {problems}"
        raise ConfigError(msg) from error
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a number of 5,000 digits, a path with a NUL
        msg = f"config {path}: not TOML that a configuration can be: {error}"
        raise ConfigError(msg) from error
    return resolved


def _problem(item: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] != "extra_forbidden":
        return f"{where}: {item['msg']}"
    sections: list[type[BaseModel]] = [Config, *Section.__subclasses__()]
    known = {key for section in sections for key in section.model_fields}
    nearest = difflib.get_close_matches(str(item["loc"][-1]), sorted(known), n=1)
    return f"{where}: unknown key" + (f"; did you mean {nearest[0]!r}?" if nearest else "")


def _resolve(value: Any, base: Path) -> Any:
    if isinstance(value, Path):
        return value if value.is_absolute() else (base / value).resolve()
    if isinstance(value, tuple):
        return tuple(_resolve(item, base) for item in value)
    if isinstance(value, BaseModel):
        changes = {name: _resolve(getattr(value, name), base) for name in type(value).model_fields}
        return value.model_copy(update=changes)
    return value
