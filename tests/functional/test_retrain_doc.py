"""Every command of docs/retrain.md, in order, on the synthetic site it makes itself; and its notebook cell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOC = Path(__file__).parents[2] / "docs" / "retrain.md"
BLOCKS = [
    (kind, text) for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", DOC.read_text(), re.DOTALL | re.MULTILINE)
]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after every block was run; a block that fails ends the walk."""
    folder = tmp_path_factory.mktemp("retrain")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for number, (kind, text) in enumerate(BLOCKS, start=1):
        command = {"bash": ["bash", "-euo", "pipefail", "-c", text], "python": [sys.executable, "-c", text]}.get(kind)
        if command is None:
            continue
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        (folder / f"{number}.out").write_text(done.stdout)
        assert done.returncode == 0, f"block {number}:\n{text}\n{done.stdout}\n{done.stderr}"
    return folder


def test_every_block_is_bash_python_or_a_sample_of_configuration() -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert kinds.count("bash") == 8
    assert kinds.count("python") == 1
    assert set(kinds) == {"bash", "python", "toml"}


def test_the_walk_ends_where_the_page_says(walked: Path) -> None:
    log = [json.loads(line) for line in (walked / "site/data/state/promotions.jsonl").read_text().splitlines()]
    assert [(line["event"], line["alias"], line["version"]) for line in log] == [
        ("promoted", "champion", 1),
        ("promoted", "challenger", 2),
        ("promoted", "champion", 2),
        ("rolled_back", "champion", 1),
    ]
    manifests = [json.loads(path.read_text()) for path in walked.glob("site/data/deliveries/*/U*/MANIFEST.json")]
    assert len(manifests) == 2
    assert {manifest["models"]["my_admission_12m"]["version"] for manifest in manifests} == {1}
    summaries = [json.loads(path.read_text()) for path in walked.glob("site/data/deliveries/*/U*/summary.json")]
    assert all("psi" in summary["monitoring"]["my_admission_12m"] for summary in summaries)


def test_the_sample_of_configuration_is_one(tmp_path: Path) -> None:
    from pophealth.config import load_config

    (sample,) = (text for kind, text in BLOCKS if kind == "toml")
    head = (
        '[site]\nname = "t"\npurpose = "development"\n[extract]\nlayout = "canonical"\npath = "x"\n[extract.supplies]\n'
    )
    (tmp_path / "config.toml").write_text(head + sample)
    models = load_config(tmp_path / "config.toml").models
    assert models.use == ("my_admission_12m",)
    assert models.tracking_uri is not None
