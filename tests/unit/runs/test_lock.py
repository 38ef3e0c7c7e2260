"""A site is one run's at a time: the second is told to try later, and no lock outlives its process."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from pophealth.errors import TryLaterError
from pophealth.runs.lock import exclusive, is_held, lock_file
from test_support.sites import make_site

HOLD = """
import sys, time
from pathlib import Path
from pophealth.runs.lock import exclusive
with exclusive(Path(sys.argv[1])):
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    time.sleep(60)
"""


def holder(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_to_try_later_and_a_killed_one_frees_the_lock(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        assert is_held(tmp_path)
        with pytest.raises(TryLaterError, match="another pophealth works on") as caught, exclusive(tmp_path):
            pytest.fail("two at once")
        assert caught.value.exit_code == 75
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not is_held(tmp_path)
    with exclusive(tmp_path):
        pass


def test_the_command_line_ends_with_75_and_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = make_site(tmp_path / "site", register=False)
    root = config.parent / "data"
    with holder(root) as process:
        for words in (["run", str(config), "--index-date", "2025-01-31"], ["prune", str(config), "--keep", "1"]):
            done = subprocess.run(
                [sys.executable, "-m", "pophealth.cli", *words], capture_output=True, text=True, check=False
            )
            assert done.returncode == 75, done.stderr
            assert "Try later" in done.stderr
            assert "Traceback" not in done.stderr
        process.kill()
    assert [path.name for path in root.iterdir()] == ["state"]


def test_an_error_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path):
        raise ZeroDivisionError
    with exclusive(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        pl.exceptions.ComputeError("underlying IO error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_something_to_try_later(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(TryLaterError, match="is full"), exclusive(tmp_path):
        raise error
    assert not is_held(tmp_path)


def test_asking_makes_no_file_and_holding_writes_none(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with exclusive(tmp_path):
        pass
    before = lock_file(tmp_path).stat().st_mtime_ns
    with exclusive(tmp_path):
        pass
    assert lock_file(tmp_path).stat().st_mtime_ns == before
    assert lock_file(tmp_path).read_bytes() == b""


def test_a_question_just_now_turns_no_run_away(tmp_path: Path) -> None:
    """`status` holds the lock for an instant; a run that begins then waits that instant out."""
    ask = (
        "import fcntl, os, sys, time\n"
        "h = os.open(sys.argv[1], os.O_RDONLY)\nfcntl.flock(h, fcntl.LOCK_SH)\n"
        "sys.stdout.write('asked\\n'); sys.stdout.flush(); time.sleep(0.05)\n"
    )
    with exclusive(tmp_path):
        pass
    words = [sys.executable, "-c", ask, str(lock_file(tmp_path))]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        started = time.monotonic()
        with exclusive(tmp_path):
            assert time.monotonic() - started < 5
