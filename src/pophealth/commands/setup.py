"""Gives the commands that come before a run: init, config check, synth, demo."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from pophealth.commands.output import note, say, say_json
from pophealth.commands.work import ingest_site, run_site
from pophealth.errors import NetworksFailed

DEMO_INDEX_DATE = date(2025, 1, 31)
"""The demo's index date: inside contract year 2024-25, the last that all starter rules are declared for."""

config_app = typer.Typer(help="The site configuration.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(init)
    app.command()(synth)
    app.command()(demo)
    app.add_typer(config_app, name="config")


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where keys and the first config are made.")],
) -> None:
    """Make keys (mode 0600) and a first configuration."""
    from pophealth.runs.keys import initialise

    for path in initialise(folder):
        say(f"wrote {path}")


@config_app.command("check")
def config_check(config: Annotated[Path, typer.Argument(metavar="CONFIG")], *, json: bool = False) -> None:
    """Check a configuration: keys, types, files, rules and features it names."""
    from pophealth.config import load_config
    from pophealth.runs.checks import check_config

    facts = check_config(load_config(config))
    if json:
        say_json(facts)
        return
    for name, value in facts.items():
        say(f"{name}: {value}")


def synth(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write the extract to.")],
    *,
    networks: Annotated[int, typer.Option(min=1)] = 3,
    patients: Annotated[int, typer.Option(min=200, help="People per network.")] = 40_000,
    seed: int = 1,
    records: Annotated[int, typer.Option(help="Records a person, about 60 or 285.")] = 60,
    years: Annotated[int, typer.Option(min=1, max=40)] = 10,
    index_date: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])] = datetime(2025, 1, 31),  # noqa: DTZ001
    unobserved: Annotated[
        float, typer.Option(min=0, max=2, help="Factor of the risk that no record shows; 0: all is on record.")
    ] = 1.0,
    planted: Annotated[
        bool, typer.Option(help="Plant people whom each rule must find; nothing is true of them.")
    ] = True,
    dirty: Annotated[bool, typer.Option("--dirty", help="Plant data faults, and say how many of each.")] = False,
    json: bool = False,
) -> None:
    """Make synthetic networks: seeded, UK-shaped, with the true hazards beside them."""
    from pophealth.runs.keys import initialise_keys
    from pophealth.synthetic import generate

    facts = generate(
        out,
        networks=networks,
        patients=patients,
        seed=seed,
        records_per_person=records,
        years=years,
        unobserved=unobserved,
        planted=planted,
        dirty=dirty,
        index_date=index_date.date(),
    )
    initialise_keys(out / "keys")
    if json:
        say_json(facts.to_dict())
        return
    for line in facts.lines():
        say(line)
    say(f"wrote {out}; configuration {out / 'config.toml'}")


def demo(
    *,
    out: Annotated[Path, typer.Option(help="Folder for the demo.")] = Path("demo"),
    networks: Annotated[int, typer.Option(min=1)] = 3,
    patients: Annotated[int, typer.Option(min=200, help="People per network.")] = 40_000,
) -> None:
    """Make synthetic networks, walk the whole line, say where to look."""
    from pophealth.config import load_config
    from pophealth.runs.keys import initialise_keys
    from pophealth.synthetic import generate

    note(f"making {networks} networks of {patients:,} people")
    generate(out, networks=networks, patients=patients, seed=1, index_date=DEMO_INDEX_DATE)
    initialise_keys(out / "keys")
    config = load_config(out / "config.toml")
    ingest_site(config)
    report = run_site(config, DEMO_INDEX_DATE, ())
    if report.failed:
        msg = f"{len(report.failed)} of {networks} networks failed, first {next(iter(report.failed.items()))}"
        raise NetworksFailed(msg)
    first = next(iter(sorted(report.folder / code for code in (*report.delivered, *report.already))))
    say(f"delivered {len(report.delivered) + len(report.already)} networks of {report.folder}")
    say(f"tables: {first / 'members.arrow'}, workbook: {first / 'lists.xlsx'}")
    say(f"verify with: pophealth verify {first}")
    say(f"open in a browser: {first / 'index.html'}")
