"""Kills a delivering process before every single call that changes the disk, resumes it, and says what came of it.

``python -m test_support.kill_loop FOLDER [EVERY]`` prints one line of JSON: how many calls there are, and every kill
after which a delivery was neither absent nor whole, or the resumed one differed from an unbroken one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from pophealth.delivery.verify import verify_delivery
from pophealth.runs.resume import is_committed, remove_unfinished
from test_support import deliveries, faults


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a process of its own and give its exit status, as a shell would say it.

    The parent has imported everything and computed nothing yet: no pool of threads is lost in the fork.
    """
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the child must end here, whatever happened in it
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(root: Path, every: int) -> None:
    """Walk through all calls, `every` n-th of them."""
    counted = root / "calls"

    def unbroken() -> None:
        with faults.on(faults.Disk(10**9, faults.killed), removing_fails=True) as disk:
            deliveries.deliver(root / "unbroken")
        counted.write_text(str(len(disk.calls)))

    if in_child(unbroken) != 0:
        raise SystemExit(1)
    whole = deliveries.bytes_of(root / "unbroken" / "deliveries")
    calls = int(counted.read_text())
    wrong = []
    for at in range(1, calls + 1, every):
        site = root / f"killed-{at}"
        problem = _one(site, at, whole)
        if problem:
            wrong.append({"call": at, "problem": problem})
    sys.stdout.write(json.dumps({"calls": calls, "wrong": wrong}) + "\n")
    raise SystemExit(bool(wrong))


def _one(site: Path, at: int, whole: dict[str, bytes]) -> str | None:
    folder = site / "deliveries" / deliveries.RUN / deliveries.NETWORK

    def broken() -> None:
        with faults.on(faults.Disk(at, faults.killed), removing_fails=True):
            deliveries.deliver(site)

    def resumed() -> None:
        remove_unfinished(site)
        if not is_committed(folder.parent, folder.name):
            deliveries.deliver(site)

    if in_child(broken) != -signal.SIGKILL:
        return "was not killed"
    if is_committed(folder.parent, folder.name):
        verify_delivery(folder)
    if in_child(resumed) != 0:
        return "could not be resumed"
    verify_delivery(folder.parent)
    return None if deliveries.bytes_of(site / "deliveries") == whole else "differs from an unbroken delivery"


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
