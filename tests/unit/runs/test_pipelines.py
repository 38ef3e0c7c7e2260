"""What a scheduler runs: the units are whole, confined, and their shell does what docs/scheduling.md says."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

ROOT = Path(__file__).resolve().parents[3]
SYSTEMD = ROOT / "pipelines" / "systemd"
CRONJOB = ROOT / "pipelines" / "kubernetes" / "cronjob.yaml"
DOCS = ROOT / "docs" / "scheduling.md"


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """A unit file as systemd reads it: sections, keys, each key's values in order; lines ending in \\ go on."""
    text = (SYSTEMD / name).read_text("utf-8").replace("\\\n", " ")
    sections: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            sections[section] = {}
        elif line.strip() and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, f"{name}: not a setting: {line}"
            sections[section].setdefault(key.strip(), []).append(value.strip())
    return sections


def shell_of_the_service() -> str:
    """The script in ExecStart, with systemd's own escapes undone."""
    (command,) = unit("pophealth.service")["Service"]["ExecStart"]
    match = re.fullmatch(r"/bin/sh -c '(.*)'", command, re.DOTALL)
    assert match
    assert not re.search(r"(?<!\$)\$(?!\$)(?:\$\$)*(?!\$)", match[1].replace("$$", "")), (
        "systemd would expand it itself"
    )
    return match[1].replace("$$", "$").replace("%%", "%")


def shell_of_the_cronjob() -> str:
    lines = CRONJOB.read_text("utf-8").split("args:\n")[1].split("securityContext")[0].splitlines()[1:]
    return "\n".join(line.strip() for line in lines)


SHELLS = {"systemd": shell_of_the_service, "kubernetes": shell_of_the_cronjob}


def night(folder: Path, shell: str, *, ingest: int = 0, run: int = 0) -> tuple[int, list[str]]:
    """Run the script with a stand-in for pophealth; give its exit code and the commands it gave."""
    stand_in = folder / "pophealth"
    stand_in.write_text(
        f'#!/bin/sh\necho "$@" >> "{folder}/calls"\ncase $1 in ingest) exit {ingest} ;; run) exit {run} ;; esac\n'
    )
    stand_in.chmod(0o755)
    environment = {
        "PATH": "/usr/bin:/bin",
        "TZ": "Europe/London",
        "POPHEALTH": str(stand_in),
        "SITE": "/srv/a site.toml",
    }
    done = subprocess.run(["/bin/sh", "-c", shell], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize("where", SHELLS)
@pytest.mark.parametrize(
    ("ingest", "run", "ends", "runs"),
    [
        (0, 0, 0, True),
        (4, 0, 4, True),  # practices withheld: the other networks are delivered, and the night is not a success
        (0, 4, 4, True),
        (4, 4, 4, True),
        (0, 5, 5, True),
        (0, 75, 75, True),
        (1, 0, 1, False),
        (2, 0, 2, False),
        (3, 0, 3, False),
        (75, 0, 75, False),
    ],
)
def test_the_night_ingests_then_runs_and_ends_with_the_code_that_matters(
    tmp_path: Path, where: str, ingest: int, run: int, ends: int, runs: bool
) -> None:
    code, calls = night(tmp_path, SHELLS[where](), ingest=ingest, run=run)
    assert code == ends
    assert calls[0] == "ingest /srv/a site.toml"
    assert len(calls) == 1 + runs


@pytest.mark.parametrize("where", SHELLS)
def test_the_index_date_is_yesterday_in_england(tmp_path: Path, where: str) -> None:
    before = datetime.now(ZoneInfo("Europe/London")).date()
    _, calls = night(tmp_path, SHELLS[where]())
    after = datetime.now(ZoneInfo("Europe/London")).date()
    assert calls[1] in {f"run /srv/a site.toml --index-date {day - timedelta(1)}" for day in (before, after)}


def test_the_service_runs_once_and_is_never_started_again_by_itself() -> None:
    service = unit("pophealth.service")["Service"]
    assert service["Type"] == ["oneshot"]
    assert service["Restart"] == ["no"]
    assert "SuccessExitStatus" not in service


HARDENED = {
    "UMask": "0077", "NoNewPrivileges": "yes", "PrivateNetwork": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
    "ProtectSystem": "strict", "ProtectHome": "yes", "RestrictSUIDSGID": "yes", "CapabilityBoundingSet": "",
    "SystemCallArchitectures": "native", "LimitCORE": "0", "User": "pophealth",
}  # fmt: skip


def test_the_service_is_confined() -> None:
    service = unit("pophealth.service")["Service"]
    assert {name: service[name][0] for name in HARDENED} == HARDENED
    assert service["ReadWritePaths"] == ["/srv/pophealth/data"]
    assert any(value.startswith("@system-service") for value in service["SystemCallFilter"])
    assert service["MemoryDenyWriteExecute"] == ["no"], "kernels are compiled on the machine"


def test_the_timer_comes_every_night_at_an_hour_that_is_there_once() -> None:
    timer = unit("pophealth.timer")
    (when,) = timer["Timer"]["OnCalendar"]
    assert when == "*-*-* 02:30:00 Europe/London"
    assert timer["Timer"]["Persistent"] == ["true"]
    assert timer["Install"]["WantedBy"] == ["timers.target"]
    zone = ZoneInfo("Europe/London")
    for day in (datetime(2025, 3, 30, 2, 30, tzinfo=zone), datetime(2025, 10, 26, 2, 30, tzinfo=zone)):
        assert day.astimezone(ZoneInfo("UTC")).astimezone(zone) == day
        assert day.replace(fold=1).utcoffset() == day.utcoffset()


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """Where systemd is there; elsewhere the parse above is all that can be said."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        assert unit("pophealth.service")
        return
    for name in ("pophealth.service", "pophealth.timer"):
        shutil.copy(SYSTEMD / name, tmp_path)
    words = [analyze, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "pophealth" in line]
    assert (done.returncode, ours) == (0, [])


def test_the_cronjob_is_confined_and_tries_nothing_twice() -> None:
    text = CRONJOB.read_text("utf-8")
    assert "\t" not in text
    for line in (
        "concurrencyPolicy: Forbid", "backoffLimit: 0", "restartPolicy: Never", "runAsNonRoot: true",
        "readOnlyRootFilesystem: true", 'drop: ["ALL"]', "automountServiceAccountToken: false",
        'timeZone: "Europe/London"', 'schedule: "30 2 * * *"',
    ):  # fmt: skip
        assert line in text, line


def test_no_file_of_the_schedulers_names_a_host() -> None:
    for path in (*SYSTEMD.iterdir(), CRONJOB, DOCS):
        assert not re.search(r"https?://|[a-z0-9-]+\.(com|org|net|io|uk)\b", path.read_text("utf-8")), path.name


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 75])
def test_every_exit_code_is_explained_where_operators_look(code: int) -> None:
    assert re.search(rf"(?m)^\| {code} \|", DOCS.read_text("utf-8"))
    assert re.search(rf"\b{code}\b", (SYSTEMD / "pophealth.service").read_text("utf-8"))
