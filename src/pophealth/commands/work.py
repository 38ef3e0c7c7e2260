"""Gives the commands that work on records: ingest, run, verify, status, prune, explain."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pophealth.commands.output import note, say, say_json, say_table
from pophealth.errors import NetworksFailed, UsageError
from pophealth.sparing import share_arenas
from pophealth.terms import Engine

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.runs.night import RunReport

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The site's TOML file.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    for command in (ingest, run, explain, verify, status, prune):
        app.command()(command)


def ingest_site(config: Config, *, json: bool = False) -> None:
    """Ingest a site's extract and say what became of every row."""
    share_arenas()
    from pophealth.runs.intake import ingest as take_in

    report = take_in(config)
    if json:
        say_json(
            {
                "snapshot": report.snapshot,
                "path": report.path,
                "rows": report.rows,
                "persons": report.persons,
                "withheld": report.withheld,
                "warnings": report.warnings,
            }
        )
    else:
        say_table(
            ("table", "rows in", "kept", "quarantined", "out of scope"),
            [(table, *(f"{count:,}" for count in counts.values())) for table, counts in report.rows.items()],
        )
        for name, value in report.persons.items():
            say(f"{name}: {value}")
        for warning in report.warnings:
            note(f"warning: {warning}")
        say(
            f"snapshot {report.snapshot} in {report.path}; what became of every row: {report.path / 'conservation.json'}"
        )
    for practice, reason in report.withheld.items():
        note(f"withheld {practice}: {reason}")
    if report.withheld:
        msg = f"{len(report.withheld)} practices were withheld; their networks will not be delivered"
        raise NetworksFailed(msg)


def ingest(config: ConfigFile, *, json: bool = False) -> None:
    """Conform the extract and write the register."""
    from pophealth.config import load_config

    ingest_site(load_config(config), json=json)


def run_site(config: Config, index_date: date, networks: tuple[str, ...], engine: Engine = Engine.THREADS) -> RunReport:
    """Run a site's networks with a line (or a bar, on a terminal) for each."""
    share_arenas()
    from pophealth.runs.night import run as run_night

    if not sys.stderr.isatty():
        return run_night(config, index_date, networks, lambda network, outcome: note(f"{network} {outcome}"), engine)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("networks", total=None)
        return run_night(config, index_date, networks, lambda _network, _outcome: progress.advance(bar), engine)


def run(
    config: ConfigFile,
    *,
    index_date: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])],
    network: Annotated[list[str] | None, typer.Option(help="Only these networks; may be repeated.")] = None,
    engine: Annotated[
        Engine, typer.Option(help="Threads of this process, or tasks of Apache Spark (`pophealth[spark]` and Java).")
    ] = Engine.THREADS,
    json: bool = False,
) -> None:
    """Run every network on an index date and deliver it; a second run finds nothing to do."""
    from pophealth.config import load_config
    from pophealth.runs.monitored import breaches_told

    report = run_site(load_config(config), index_date.date(), tuple(network or ()), engine)
    deliveries = {code: report.folder / code for code in sorted((*report.delivered, *report.already))}
    if json:
        say_json(
            {
                "run_id": report.run_id,
                "nothing_to_do": report.nothing_to_do,
                "deliveries": {code: str(path) for code, path in deliveries.items()},
                "failed": report.failed,
                "practices_without_network": report.practices_without_network,
            }
        )
    elif report.nothing_to_do:
        say(f"nothing to do: run {report.run_id} is committed for {len(report.already)} networks in {report.folder}")
    else:
        say(f"run {report.run_id}: {len(report.delivered)} networks delivered to {report.folder}")
        if report.practices_without_network:
            note(f"{report.practices_without_network} practices of the register are in no network on that date")
    for line in breaches_told(report.delivered.values()):
        note(f"warning: {line}")
    for code, reason in report.failed.items():
        note(f"failed {code}: {reason}")
    if report.failed:
        msg = (
            f"{len(report.failed)} of {len(report.failed) + len(deliveries)} networks failed; the others were delivered"
        )
        raise NetworksFailed(msg)


def verify(
    delivery: Annotated[Path, typer.Argument(metavar="DELIVERY", help="A network's folder, or a run's.")],
    *,
    key: Annotated[Path | None, typer.Option(help="The site's public key (signing.pub), got by another way.")] = None,
    json: bool = False,
) -> None:
    """Check hashes and signature of a delivery; with the site's public key also that it is the site's."""
    from pophealth.delivery.sign import fingerprint, load_public_key
    from pophealth.delivery.verify import signer_of, verify_delivery

    checked = verify_delivery(delivery, load_public_key(key) if key else None)
    signers = sorted({fingerprint(signer_of(folder)) for folder in checked})
    if json:
        say_json({"verified": [str(path) for path in checked], "signed_by": signers, "key_given": key is not None})
        return
    say(f"verified {len(checked)} deliveries in {delivery}: every file is what its signed manifest says")
    say(f"signed by {', '.join(signers)}" + ("" if key else "; without --key a forger's own signature passes"))


def status(config: ConfigFile, *, json: bool = False) -> None:
    """Say what ran when on what."""
    from pophealth.config import load_config
    from pophealth.runs.status import list_runs

    runs = list_runs(load_config(config).site.data_root)
    if json:
        say_json(runs)
        return
    if not runs:
        say("no run yet")
        return
    head = ("run_id", "index_date", "committed", "failed", "state", "started", "finished")
    say_table(head, [[item[name] for name in head] for item in runs])


def prune(config: ConfigFile, *, keep: Annotated[int, typer.Option(min=1)]) -> None:
    """Remove all but the newest snapshots and runs (storage limitation)."""
    from pophealth.config import load_config
    from pophealth.runs.checks import prune as remove_old

    removed = remove_old(load_config(config), keep)
    for path in removed:
        say(f"removed {path}")
    if not removed:
        say("nothing to do")


def explain(
    config: ConfigFile,
    *,
    run: Annotated[str, typer.Option(help="Run id, as `status` shows it.")],
    network: Annotated[str, typer.Option(help="Network of the delivery.")],
    patient: Annotated[str | None, typer.Option(help="Pseudonym, as members.arrow holds it.")] = None,
    nhs_number: Annotated[str | None, typer.Option(help="Only '-': the number is read from standard input.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only this rule.")] = None,
    json: bool = False,
) -> None:
    """Say why a person is on a list, or why not, with the records that decided and what would change it."""
    from pophealth.config import load_config
    from pophealth.runs.why import explain_person

    if (patient is None) == (nhs_number is None) or nhs_number not in (None, "-"):
        msg = "give --patient ID or --nhs-number - (the number on standard input, so that no shell history keeps it)"
        raise UsageError(msg)
    number = sys.stdin.readline().strip() if nhs_number else None
    answer = explain_person(load_config(config), run, network, patient=patient, nhs_number=number, rule_id=rule)
    if json:
        say_json(answer.to_dict())
        return
    for line in answer.lines():
        say(line)
