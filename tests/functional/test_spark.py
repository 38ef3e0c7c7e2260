"""Spark over bucket paths: the bytes the threads deliver, also when executors die, also from an object store."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pophealth.config import load_config
from pophealth.errors import ConfigError, IntegrityError
from pophealth.runs.engines.worker import ONE_THREAD, claimed, deliver_once, handed
from pophealth.runs.intake import ingest
from pophealth.runs.journal import read_journal
from pophealth.runs.keys import initialise_keys
from pophealth.runs.night import open_night, run
from pophealth.synthetic import generate
from test_support.object_store import CREDENTIALS, object_store

pytestmark = pytest.mark.long

TESTS = Path(__file__).resolve().parents[1]
DAY = date(2025, 1, 31)
Hashes = dict[str, str]


def hashes(site: Path) -> Hashes:
    root = site / "data" / "deliveries"
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tiny networks, ingested."""
    folder = tmp_path_factory.mktemp("spark") / "made"
    generate(folder, networks=3, patients=300, seed=5, index_date=DAY)
    initialise_keys(folder / "keys")
    ingest(load_config(folder / "config.toml"))
    return folder


@pytest.fixture(scope="module")
def by_threads(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, run by threads."""
    site = Path(shutil.copytree(made, tmp_path_factory.mktemp("threads") / "site"))
    assert len(run(load_config(site / "config.toml"), DAY).delivered) == 3
    return site


@pytest.fixture
def site(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "site"))


@pytest.fixture
def far(site: Path, tmp_path: Path) -> Path:
    """The site with its register moved to the folder of an object store; give that folder."""
    (tmp_path / "bucket").mkdir()
    shutil.move(site / "data" / "register", tmp_path / "bucket" / "register")
    return tmp_path / "bucket"


def reads_from(site: Path, url: str) -> Path:
    config = site / "config.toml"
    kept = [line for line in config.read_text().splitlines() if not line.startswith("register_url")]
    config.write_text("\n".join(kept).replace("[site]\n", f'[site]\nregister_url = "{url}"\n'))
    return config


@pytest.fixture
def spark() -> None:
    """Whether Spark can start here; where it cannot, the test is skipped with the reason."""
    pytest.importorskip("pyspark", reason="pyspark is not installed (pophealth[spark])")
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        pytest.skip("no Java on this machine: Spark needs one (openjdk-17-jre-headless)")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what a worker sets for its process."""
    for name in ONE_THREAD:
        monkeypatch.setenv(name, "1")


def python(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return command(sys.executable, *words, **environment)


def command(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        cwd=TESTS,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_executors_that_die_are_replaced_and_nothing_is_delivered_twice(
    spark: None, site: Path, by_threads: Path, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    done = python("-m", "test_support.spark_run", site / "config.toml", DAY, marks)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert sorted(path.name for path in marks.iterdir()) == said["killed"]
    assert said["failed"] == {}
    assert sorted(said["told"]) == [f"{network} delivered" for network in said["delivered"]]
    assert hashes(site) == hashes(by_threads)
    events = Counter(entry["event"] for entry in read_journal(site / "data"))
    assert events == {"started": 1, "delivered": 3, "finished": 1}


def test_from_an_object_store_one_damaged_network_fails_alone(
    spark: None, site: Path, far: Path, by_threads: Path
) -> None:
    register = next(far.glob("register/*/MANIFEST.json")).parent
    index = sorted(path for path in register.glob("*/index") if path.is_dir())[0]
    file = max((path for path in index.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with object_store(far) as url:
        config = reads_from(site, url)
        words = ("-m", "pophealth.cli", "run", config, "--index-date", DAY, "--engine", "spark", "--json")
        done = python(*words, **CREDENTIALS)
    assert done.returncode == 4, done.stderr
    said = json.loads(done.stdout)
    (network,) = said["failed"]
    assert said["failed"][network].startswith("IntegrityError at store.py:")
    assert f"{network} failed" in done.stderr
    expected = {name: value for name, value in hashes(by_threads).items() if f"/{network}/" not in name}
    assert hashes(site) == expected
    assert len(said["deliveries"]) == 2


def test_spark_submit_runs_a_site_and_decides_where(spark: None, site: Path, by_threads: Path) -> None:
    network = min(path.parent.name for path in by_threads.glob("data/deliveries/*/U*/COMMITTED"))
    entry = TESTS.parent / "pipelines" / "spark" / "run.py"
    settings = ("spark.ui.enabled=false", "spark.driver.bindAddress=127.0.0.1", "spark.driver.host=127.0.0.1")
    words = [word for setting in settings for word in ("--conf", setting)]
    words += [entry, site / "config.toml", "--index-date", DAY, "--network", network]
    submit = Path(sys.executable).with_name("spark-submit")
    done = command(submit, "--master", "local[1]", *words, PYSPARK_PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    assert hashes(site) == {name: value for name, value in hashes(by_threads).items() if f"/{network}/" in name}


def test_threads_read_an_object_store_too(
    site: Path, far: Path, by_threads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with object_store(far) as url:
        config = load_config(reads_from(site, url))
        assert run(config, DAY).failed == {}
        with pytest.raises(ConfigError, match="CURRENT last"):
            ingest(config)
    assert hashes(site) == hashes(by_threads)


def test_a_place_that_cannot_be_read_is_refused(site: Path) -> None:
    config = load_config(reads_from(site, "nowhere://bucket"))
    with pytest.raises(ConfigError, match="its place cannot be read"):
        open_night(config, DAY)
    with pytest.raises(ConfigError, match="register_url"):
        load_config(reads_from(site, "s3://name:word@bucket"))


def test_a_worker_that_sees_another_run_delivers_nothing(environment: None, site: Path) -> None:
    night = open_night(load_config(site / "config.toml"), DAY)
    network, practices = next(iter(night.networks.items()))
    with pytest.raises(IntegrityError, match="must be the same ones"):
        deliver_once(replace(handed(night), run_id="0" * 64), network, practices)
    assert hashes(site) == {}


def test_a_second_attempt_waits_for_the_first_and_changes_nothing(environment: None, by_threads: Path) -> None:
    night = open_night(load_config(by_threads / "config.toml"), DAY)
    network, practices = next(iter(night.networks.items()))
    before = {path: path.stat().st_mtime_ns for path in night.folder.rglob("*")}
    found: list[Path] = []
    second = threading.Thread(target=lambda: found.append(deliver_once(handed(night), network, practices)))
    with claimed(by_threads / "data", network):
        second.start()
        second.join(2)
        assert found == []
    second.join()
    assert found == [night.folder / network]
    assert {path: path.stat().st_mtime_ns for path in night.folder.rglob("*")} == before


def test_a_worker_is_held_to_one_thread(by_threads: Path) -> None:
    code = (
        "import sys, datetime\nfrom pathlib import Path\nfrom pophealth.runs.engines import worker\n"
        "assert not {'polars', 'numba', 'numpy'} & set(sys.modules)\n"
        "told = worker.Handed(Path(sys.argv[1]).read_text(), datetime.date(2025, 1, 31), sys.argv[2])\n"
        "worker.deliver_once(told, sys.argv[3], ())\n"
        "import polars, numba\nprint(polars.thread_pool_size(), numba.config.NUMBA_NUM_THREADS)"
    )
    night = open_night(load_config(by_threads / "config.toml"), DAY)
    told = by_threads / "told.json"
    told.write_text(handed(night).config)
    done = python("-c", code, told, night.run_id, next(iter(night.networks)))
    assert done.stdout.split() == ["1", "1"], done.stderr


def test_without_java_the_message_says_what_to_install(site: Path) -> None:
    words = ("-m", "pophealth.cli", "run", site / "config.toml", "--index-date", DAY, "--engine", "spark")
    done = python(*words, PATH="", JAVA_HOME="")
    assert done.returncode == 2
    assert "openjdk-17-jre-headless" in done.stderr
    assert python(*words[:-1], "dask").returncode == 2
