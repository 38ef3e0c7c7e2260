"""Complete or absent, whatever fails: the n-th call to the disk for every n, a real limit of the system, kill -9."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pophealth.delivery.verify import verify_delivery
from pophealth.errors import TryLaterError
from test_support import deliveries, faults

OLDER = "cd" * 32
TESTS = Path(__file__).resolve().parents[2]


def site_with_an_older_delivery(root: Path) -> Path:
    """A site whose last run is delivered, and stays."""
    folder = root / "deliveries" / OLDER / deliveries.NETWORK
    deliveries.write_delivery(folder, **deliveries.parts() | {"facts": deliveries.facts(run_id=OLDER)})
    return root


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
def test_the_nth_call_to_the_disk_fails(tmp_path: Path, for_good: bool) -> None:
    struck: list[str] = []
    site = site_with_an_older_delivery(tmp_path / "site")
    before = deliveries.bytes_of(site)
    for at in range(1, 1000):
        root = Path(shutil.copytree(site, tmp_path / str(at)))
        folder = root / "deliveries" / deliveries.RUN / deliveries.NETWORK
        failed = False
        with faults.on(faults.Disk(at, faults.full, for_good=for_good)) as disk:
            try:
                deliveries.deliver(root)
            except TryLaterError:
                failed = True
        after = deliveries.bytes_of(root)
        assert {name: after[name] for name in before} == before, "what was delivered before is untouched"
        if folder.exists():
            verify_delivery(folder)
            # a folder that is there already may be refused by the disk: it is not needed
            assert failed == (disk.was_struck and disk.calls[at - 1] != "mkdir")
        else:
            assert failed
            assert after == before, f"call {at} ({disk.calls[-1]}) left something behind"
        assert not list(root.rglob(".U*"))
        if not disk.was_struck:
            break
        struck.append(disk.calls[at - 1])
    assert not disk.was_struck
    assert set(struck) == {"open", "write", "fsync", "rename", "replace", "mkdir"}
    assert len(struck) > 30


def test_the_next_try_after_a_full_disk_gives_the_same_bytes(tmp_path: Path) -> None:
    whole = deliveries.bytes_of(deliveries.deliver(tmp_path / "whole"))
    for at in (1, 10, 20, 30):
        root = tmp_path / str(at)
        with faults.on(faults.Disk(at, faults.full)), pytest.raises(TryLaterError, match="the disk is full"):
            deliveries.deliver(root)
        assert deliveries.bytes_of(deliveries.deliver(root)) == whole


LIMITED = """
import resource, sys
from pathlib import Path
from test_support import deliveries
root, soft = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))
try:
    deliveries.deliver(root)
except OSError as error:
    print(type(error).__name__, error.errno)
    raise SystemExit(4)
"""


@pytest.mark.parametrize("limit", [0, 700, 1500, 4000])
def test_the_system_itself_cuts_a_write_short(tmp_path: Path, limit: int) -> None:
    """No mock: the kernel lets a file grow to `limit` bytes and no further, as a full disk would."""
    root = site_with_an_older_delivery(tmp_path)
    before = deliveries.bytes_of(root)
    largest = max(len(content) for content in before.values())
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    words = [sys.executable, "-c", LIMITED, str(root), str(limit)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 4) == (limit < largest), done.stderr
    if done.returncode:
        assert deliveries.bytes_of(root) == before
        assert sorted(path.name for path in (root / "deliveries").iterdir()) in (
            [OLDER],
            sorted([OLDER, deliveries.RUN]),
        )
    assert not list(root.rglob(".*"))


def test_kill_minus_nine_before_calls_to_the_disk(tmp_path: Path) -> None:
    """Every eleventh call here; `make faults` kills before every one."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    words = [sys.executable, "-m", "test_support.kill_loop", str(tmp_path), "11"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["wrong"] == []
    assert said["calls"] > 30


def test_an_error_that_is_no_full_disk_stays_what_it_is(tmp_path: Path) -> None:
    def broken() -> None:
        raise OSError(errno.EIO, "Input/output error")

    with faults.on(faults.Disk(12, broken)), pytest.raises(OSError, match="Input/output error"):
        deliveries.deliver(tmp_path)
    assert deliveries.bytes_of(tmp_path) == {}
