"""Gives the limits that models of a run passed, as lines for its operator."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path


def breaches_told(deliveries: Iterable[Path]) -> Iterator[str]:
    """Give a line for each network and model with limits passed: how many, and the first; figures stand in the summary."""
    for folder in deliveries:
        monitoring = json.loads((folder / "summary.json").read_bytes()).get("monitoring", {})
        for model_id, told in monitoring.items():
            if told.get("breaches"):
                first = told["breaches"][0]
                yield (
                    f"{folder.name}: {len(told['breaches'])} limits of model {model_id} passed, first: "
                    f"{first['what']} of {first['column']}; see monitoring in its summary.json"
                )
