"""A PostgreSQL server of Debian's package in a folder of its own, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ACCOUNT = "postgres"


def programs() -> Path | None:
    """Give the folder with `initdb` and `pg_ctl`; None where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return found[-1].parent if found else None


@contextmanager
def server(bin_folder: Path) -> Iterator[str]:
    """Give the address of an empty database; the server runs as an account that is not root, and is stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pophealth-pg-"))
    as_root = os.geteuid() == 0
    if as_root:
        account = pwd.getpwnam(ACCOUNT)
        os.chown(folder, account.pw_uid, account.pw_gid)

    def call(*words: object) -> None:
        # a server that is started keeps its output open: it must not keep ours
        command = [*(["runuser", "-u", ACCOUNT, "--"] if as_root else []), *map(str, words)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", timeout=120)

    port = free_port()
    data = folder / "data"
    try:
        call(bin_folder / "initdb", "-D", data, "-A", "trust", "-U", "models", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        call(bin_folder / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://models@127.0.0.1:{port}/postgres"
        finally:
            call(bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Give a port that nothing listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
