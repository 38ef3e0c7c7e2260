"""Gives the commands about cohort rules: list, show, diff, compare, kit, book."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pophealth.commands.output import say, say_json, say_table

if TYPE_CHECKING:
    from pophealth.cohorts.differences import Difference
    from pophealth.declare import CohortRule

rules_app = typer.Typer(help="The cohort rules.", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The site's TOML file.")]
IndexDate = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(rules_app, name="rules")


@rules_app.command("list")
def rules_list(*, json: bool = False) -> None:
    """List the shipped rules: id, catalogue id, service, evidence, title."""
    from pophealth.cohorts.rules import load_rules

    rules = load_rules().values()
    if json:
        say_json([_rule(rule) for rule in rules])
        return
    head = ("id", "catalogue", "service", "evidence", "title")
    say_table(head, [(r.id, r.catalogue_id, r.service, _marks(r), r.title) for r in rules])


@rules_app.command("show")
def rules_show(rule_id: Annotated[str, typer.Argument(metavar="ID")], *, json: bool = False) -> None:
    """Show one rule whole: criteria, years, tiers, order, source."""
    from pophealth.cohorts.rules import load_rules
    from pophealth.errors import UsageError

    rules = load_rules()
    if rule_id not in rules:
        msg = f"rule {rule_id!r} is not declared; `pophealth rules list` names {len(rules)}"
        raise UsageError(msg)
    shown = _rule(rules[rule_id])
    if json:
        say_json(shown)
        return
    shown["evidence"] = shown.pop("evidence_words")
    for name, value in shown.items():
        if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            say(f"{name}:")
            for item in value:
                say("  " + "  ".join(str(part) for part in item.values()))
        else:
            say(f"{name}: {value}")


def _rule(rule: CohortRule) -> dict[str, Any]:
    from dataclasses import asdict

    from pophealth.terms import evidence_words

    return asdict(rule) | {"evidence_words": evidence_words(rule.evidence)}


def _marks(rule: CohortRule) -> str:
    """Give the marks of a table's cell; what is general knowledge says that it is to be confirmed."""
    return "/".join(f"{mark} to be confirmed" if mark == "K" else str(mark) for mark in rule.evidence)


@rules_app.command("diff")
def rules_diff(
    first: Annotated[str, typer.Argument(metavar="YEAR", help="Contract year, as in 2022-23.")],
    second: Annotated[str, typer.Argument(metavar="YEAR")],
    *,
    config: Annotated[Path | None, typer.Option(help="The site's TOML file; with it, people are compared too.")] = None,
    network: Annotated[str | None, typer.Option(help="Network whose entrants and leavers are shown.")] = None,
    index_date: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    json: bool = False,
) -> None:
    """Say which rules changed between two contract years and, for a network, who enters and leaves each list and why."""
    from pophealth.config import load_config
    from pophealth.errors import UsageError
    from pophealth.runs.compare import declared_differences, diff_years

    given = (config, network, index_date)
    if any(part is not None for part in given) and None in given:
        msg = "to compare people, give --config, --network and --index-date together"
        raise UsageError(msg)
    site = load_config(config) if config else None
    declared = declared_differences(first, second, *(site.reference.rules if site else ()))
    people = []
    if site is not None and network is not None and index_date is not None:
        people = diff_years(site, network, index_date.date(), first, second)
    if json:
        say_json({"declared": declared, "people": [difference.to_dict() for difference in people]})
        return
    head = ("rule_id", "catalogue_id", "change", "from", "to")
    say_table(head, [[change[name] for name in head] for change in declared])
    for difference in people:
        say()
        _say_difference(difference, f"enter in {second}", f"leave in {second}")


@rules_app.command("compare")
def rules_compare(
    config: ConfigFile,
    *,
    ids: Annotated[Path, typer.Option(help="CSV with a column patient_id or nhs_number: another system's list.")],
    rule: Annotated[str, typer.Option(help="Rule id.")],
    network: Annotated[str, typer.Option(help="Network whose list is compared.")],
    index_date: IndexDate,
    json: bool = False,
) -> None:
    """Compare our list of a rule with another system's: both-sided differences, each with our reason."""
    from pophealth.config import load_config
    from pophealth.runs.compare import compare_list

    difference = compare_list(load_config(config), network, index_date.date(), rule, ids)
    if json:
        say_json(difference.to_dict())
        return
    _say_difference(difference, "only on our list", "only on their list")


def _say_difference(difference: Difference, entrants: str, leavers: str) -> None:
    say(f"{difference.rule_id}: {difference.both} on both lists")
    counts = difference.counts()
    for name, words in (("entrants", entrants), ("leavers", leavers)):
        say(f"  {sum(counts[name].values())} {words}")
        for reason, count in counts[name].items():
            say(f"    {count}  {reason}")


@rules_app.command("kit")
def rules_kit(
    *,
    out: Annotated[Path, typer.Option(help="Folder to write the kit to.")],
    tables: Annotated[Path | None, typer.Option(help="Folder of the tables; the checkout's tests/cohorts.")] = None,
) -> None:
    """Write the conformance kit: hand-made people and the status every rule must give them, year by year."""
    from pophealth.cohorts.kit import default_tables, write_kit

    written, cases = write_kit(tables or default_tables(), out)
    say(f"wrote {len(written)} files with {cases} people to {out}")


@rules_app.command("book")
def rules_book(
    *, out: Annotated[Path, typer.Option(help="Folder to write the pages to.")] = Path("docs/rules")
) -> None:
    """Write one page a service: every rule in plain words, its source, years and evidence."""
    from pophealth.cohorts.book import write_book

    for path in write_book(out):
        say(f"wrote {path}")
