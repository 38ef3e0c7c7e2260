"""Gives the commands that print facts: rules, codelists, scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pophealth.commands.output import say, say_json, say_table

rules_app = typer.Typer(help="The cohort rules.", no_args_is_help=True)
codelists_app = typer.Typer(help="The codelists.", no_args_is_help=True)
scores_app = typer.Typer(help="The published scores.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(rules_app, name="rules")
    app.add_typer(codelists_app, name="codelists")
    app.add_typer(scores_app, name="scores")


@rules_app.command("list")
def rules_list(*, json: bool = False) -> None:
    """List the shipped rules: id, catalogue id, service, evidence, title."""
    from pophealth.cohorts.rules import load_rules

    rules = load_rules().values()
    if json:
        say_json([_rule(rule) for rule in rules])
        return
    head = ("id", "catalogue", "service", "evidence", "title")
    say_table(head, [(r.id, r.catalogue_id, r.service, "/".join(r.evidence), r.title) for r in rules])


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
    for name, value in shown.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            say(f"{name}:")
            for item in value:
                say("  " + "  ".join(str(part) for part in item.values()))
        else:
            say(f"{name}: {value}")


def _rule(rule: object) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(rule)  # type: ignore[call-overload,no-any-return]


@codelists_app.command("check")
def codelists_check(
    path: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A file or folder; without it, the shipped lists.")
    ] = None,
    *,
    json: bool = False,
) -> None:
    """Check codelist files: head, digits, duplicates."""
    from pophealth.reference import load_codelist, load_library

    if path is None:
        library = load_library()
        lists = [library.get(name) for name in library.ids]
    else:
        lists = [load_codelist(file) for file in (sorted(path.glob("*.csv")) if path.is_dir() else [path])]
    rows = [
        {
            "id": item.id,
            "codes": item.codes.height,
            "systems": list(item.systems),
            "pointer": item.pointer,
            "digest": item.digest,
        }
        for item in lists
    ]
    if json:
        say_json(rows)
        return
    say(
        f"{len(rows)} codelists are whole: {sum(item.codes.height for item in lists):,} codes, {sum(i.pointer for i in lists)} pointers"
    )


@codelists_app.command("import")
def codelists_import(
    path: Annotated[Path, typer.Argument(metavar="FILE")],
    *,
    codelist_id: Annotated[str, typer.Option("--id", help="Id of the list; the file name it gets.")],
    out: Annotated[Path, typer.Option(help="Folder of the site's own codelists.")],
    form: Annotated[str, typer.Option(help="auto, opencodelists, pcd or dmd")] = "auto",
    cluster: Annotated[str | None, typer.Option(help="Cluster to take from a PCD export.")] = None,
    title: str | None = None,
) -> None:
    """Import a published codelist into the site's folder; every id is checked."""
    from pophealth.reference import import_codelist, write_codelist

    codelist = import_codelist(path, id=codelist_id, form=form, cluster=cluster, title=title)
    written = write_codelist(codelist, out)
    say(f"wrote {written}: {codelist.codes.height:,} codes")


@codelists_app.command("show")
def codelists_show(
    name: Annotated[str, typer.Argument(metavar="ID|FILE")],
    *,
    json: bool = False,
) -> None:
    """Show a codelist: provenance and codes."""
    from pophealth.reference import load_codelist, load_library

    item = load_codelist(Path(name)) if name.endswith(".csv") else load_library().get(name)
    rows = item.codes.to_dicts()
    head = {"id": item.id, "title": item.title, "version": item.version, "source": item.source, "licence": item.licence}
    pointer = {"pointer": item.pointer, "cluster": item.cluster, "refset_id": item.refset_id, "where": item.where}
    if json:
        say_json({**head, **pointer, "codes": rows})
        return
    for key, value in {**head, **(pointer if item.pointer else {})}.items():
        say(f"{key}: {value}")
    for row in rows:
        say("  ".join(str(value) for value in row.values() if value is not None))


@scores_app.command("list")
def scores_list(*, json: bool = False) -> None:
    """List the scores: id, version, source, licence, range, direction."""
    from pophealth.scores import load_scores

    fields = ("id", "version", "source", "licence", "range", "direction")
    rows = [{name: getattr(score, name) for name in fields} for score in load_scores().values()]
    if json:
        say_json(rows)
        return
    say_table(fields, [[row[name] for name in fields] for row in rows])
