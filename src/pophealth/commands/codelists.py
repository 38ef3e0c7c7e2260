"""Gives the commands about codelists: check, import, show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pophealth.commands.output import say, say_json

codelists_app = typer.Typer(help="The codelists.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(codelists_app, name="codelists")


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
    total, pointers = sum(item.codes.height for item in lists), sum(item.pointer for item in lists)
    say(f"{len(rows)} codelists are whole: {total:,} codes, {pointers} pointers")


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
