"""Gives the commands about networks: check, diff."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pophealth.commands.output import say, say_json, say_table
from pophealth.errors import DataContractError

networks_app = typer.Typer(help="The networks of a site.", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The site's TOML file.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Default: the last day the extract knows.")]
CsvFile = Annotated[Path | None, typer.Option(metavar="FILE", help="CSV; docs/networks.md names its columns.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(networks_app, name="networks")


@networks_app.command("check")
def networks_check(
    config: ConfigFile,
    *,
    index_date: Day = None,
    arrangements: CsvFile = None,
    areas: CsvFile = None,
    json: bool = False,
) -> None:
    """Check that networks cover every practice and person of the register, with sizes, payees and areas."""
    from pophealth.config import load_config
    from pophealth.runs.networks import check_site

    findings = check_site(
        load_config(config), index_date.date() if index_date else None, arrangements=arrangements, areas=areas
    )
    if json:
        say_json(findings)
    else:
        say_table(
            ("check", "outcome", "of", "count", "what"),
            [(f["check"], f["outcome"], f["subject"] or "all", f"{f['count']:,}", f["said"]) for f in findings],
        )
    problems = sum(finding["outcome"] == "problem" for finding in findings)
    if problems:
        msg = f"networks: {problems} problems; docs/networks.md says what each check wants"
        raise DataContractError(msg)


@networks_app.command("diff")
def networks_diff(
    config: ConfigFile,
    *,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])],
    second: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"])],
    json: bool = False,
) -> None:
    """Say which practices joined, left or changed their network between two days."""
    from pophealth.config import load_config
    from pophealth.runs.networks import diff_site

    changes = diff_site(load_config(config), first.date(), second.date())
    if json:
        say_json(changes)
        return
    if not changes:
        say("no practice changed its network")
        return
    head = ("practice_code", "change", "from_network", "to_network", "practice_name")
    say_table(head, [[change[name] or "" for name in head] for change in changes])
