"""Gives the commands that close the loop: take in what networks did, show it, estimate what it changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pophealth.commands.output import say, say_json, say_table

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The site's TOML file.")]

actions_app = typer.Typer(help="What networks did with their lists.", no_args_is_help=True)
holdout_app = typer.Typer(help="What a programme changed.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(actions_app, name="actions")
    app.add_typer(holdout_app, name="holdout")


@actions_app.command("import")
def actions_import(
    config: ConfigFile,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, Arrow, or the workbook with its columns filled in.")
    ],
    *,
    network: Annotated[str | None, typer.Option(help="Whose file it is, where the file does not say.")] = None,
    json: bool = False,
) -> None:
    """Take in a returned file: all of it, or nothing and why."""
    from pophealth.config import load_config
    from pophealth.runs.action_import import import_actions

    report = import_actions(load_config(config), file, network)
    if json:
        say_json(
            {
                "network": report.network,
                "rows": report.rows,
                "without_action": report.without_action,
                "settled": report.settled,
                "already_known": report.already_known,
                "imported": report.imported,
                "path": report.path,
            }
        )
        return
    say(f"network {report.network}: {report.rows} rows with an action, {report.without_action} without")
    if report.settled:
        say(f"{report.settled} gave way to another row of the same person, list and day further down in the file")
    if report.already_known:
        say(f"{report.already_known} were known already")
    for status, count in report.imported.items():
        say(f"{status}: {count}")
    say(f"wrote {report.path}" if report.path else "nothing new; the history stays as it was")


@actions_app.command("list")
def actions_list(config: ConfigFile, *, json: bool = False) -> None:
    """Say how many actions of which kind the history holds, by network and rule: counts, never a person."""
    from pophealth.config import load_config
    from pophealth.runs.actions import count_actions

    counts = count_actions(load_config(config).site.data_root)
    if json:
        say_json(counts)
        return
    if not counts:
        say("no action yet")
        return
    head = ("network_code", "rule_id", "status", "people", "first", "last")
    say_table(head, [[item[name] for name in head] for item in counts])


@holdout_app.command("evaluate")
def holdout_evaluate(
    config: ConfigFile,
    *,
    run: Annotated[str, typer.Option(help="Run whose plan is evaluated, as `status` shows it.")],
    later: Annotated[str, typer.Option(help="Run that saw the outcome.")],
    outcome: Annotated[str, typer.Option(help="Column of the later run's patients, such as emergency_admissions_12m.")],
    network: Annotated[list[str] | None, typer.Option(help="Only these networks; may be repeated.")] = None,
    role: Annotated[str | None, typer.Option(help="Only offers of this role.")] = None,
    bandwidth: Annotated[
        float | None, typer.Option(min=0.0, help="Of the comparison at the cut-off, in slots.")
    ] = None,
    json: bool = False,
) -> None:
    """Estimate the effect of being offered: randomised where a holdout drew people, else at the cut-off."""
    from pophealth.config import load_config
    from pophealth.runs.holdout import evaluate_holdout

    found = evaluate_holdout(
        load_config(config), run, later, outcome, networks=tuple(network or ()), role=role, bandwidth=bandwidth
    )
    if json:
        say_json(found.to_dict())
        return
    say(f"outcome {outcome}, networks {', '.join(found.networks)}; {found.lost} people of the plan are no longer there")
    for estimate in found.estimates:
        say(f"{estimate.design}: {estimate.effect:+.4f} (95 % interval {estimate.low:+.4f} to {estimate.high:+.4f})")
        say(f"  with an offer {estimate.mean_with_offer:.4f} ({estimate.with_offer} people), "
            f"without {estimate.mean_without_offer:.4f} ({estimate.without_offer})")  # fmt: skip
        width = "" if estimate.bandwidth is None else f"; bandwidth {estimate.bandwidth:g} slots"
        say(f"  {estimate.method}{width}")
