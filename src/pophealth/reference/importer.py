"""Gives codelists from the forms they are published in, every id checked; and writes them in ours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pophealth.errors import CodelistError, UsageError
from pophealth.files import replace_file, sha256_of
from pophealth.reference.codelists import Codelist, check_id
from pophealth.reference.codes import COLUMNS, check_codes, read_rows, read_text
from pophealth.terms import CodeSystem

FORMS = ("auto", "opencodelists", "pcd", "dmd")

# Headings as published, in small letters and digits only: OpenCodelists exports, TRUD's "PCD Refset Content" files and
# dm+d lists spell them differently (service-specs.md, section 12).
_CODE = {
    "code": None,
    "conceptid": CodeSystem.SNOMED,
    "snomedcode": CodeSystem.SNOMED,
    "snomedctconceptid": CodeSystem.SNOMED,
    "dmdid": CodeSystem.DMD,
    "dmdcode": CodeSystem.DMD,
    "icd10code": CodeSystem.ICD10,
    "icd10": CodeSystem.ICD10,
    "ctv3id": CodeSystem.CTV3,
    "id": None,
}
"""Spellings of the heading over the codes, with the system it says they are of."""

_TERM = ("term", "snomedcodedescription", "conceptdescription", "name", "description", "nm", "dmdname", "title")
_CATEGORY = ("category", "cat", "dmdtype")
_CLUSTER = ("clusterid", "cluster")
_REFSET = "pcdrefsetid"
_DMD_ONLY = ("bnfcode", "dmdtype")

_SYSTEMS = {
    "snomed ct": CodeSystem.SNOMED,
    "snomedct": CodeSystem.SNOMED,
    "icd10": CodeSystem.ICD10,
    "opcs4": CodeSystem.OPCS4,
} | {system.value.casefold(): system for system in CodeSystem}


@dataclass(frozen=True)
class _Published:
    """A published file as read: headings as we compare them to headings as published, rows with their lines."""

    name: str
    headings: dict[str, str]
    rows: list[tuple[int, dict[str, str]]]

    def heading(self, spellings: tuple[str, ...], what: str) -> str:
        """Give the published heading of one of the `spellings`."""
        for name in spellings:
            if name in self.headings:
                return self.headings[name]
        found = ", ".join(self.headings.values())
        msg = f"codelist {self.name}: no column of {what}; expected one of {', '.join(spellings)}, found {found}"
        raise CodelistError(msg)

    def optional(self, spellings: tuple[str, ...]) -> str | None:
        """Give the published heading of one of the `spellings`, or None."""
        return next((self.headings[name] for name in spellings if name in self.headings), None)


def import_codelist(
    path: Path,
    *,
    id: str,  # noqa: A002 - the field's own word for it
    form: str = "auto",
    cluster: str | None = None,
    title: str | None = None,
) -> Codelist:
    """Give the codelist in a published file.

    Parameters
    ----------
    id
        What it will be called here.
    form
        One of `FORMS`: an OpenCodelists CSV, a Primary Care Domain reference-set export (many clusters in one file:
        `cluster` chooses), a dm+d list; ``auto`` tells by the headings.

    Raises
    ------
    UsageError
        An unknown form, a file of several clusters and none chosen, or a cluster chosen where a file has none.
    CodelistError
        No column of codes, an unknown cluster, or damaged ids; lines are named, never ids.
    """
    if form not in FORMS:
        msg = f"form {form!r}: expected one of {', '.join(FORMS)}"
        raise UsageError(msg)
    check_id(id, id)
    published = _read(path)
    found = _form_of(published) if form == "auto" else form
    code = published.heading(tuple(_CODE), "codes")
    rows = [(line, row) for line, row in published.rows if row[code]]
    if found == "pcd":
        rows = _of_cluster(rows, published, cluster)
    elif cluster is not None:
        msg = f"codelist {path.name}: cluster {cluster!r} was asked for, but the file has no column of clusters"
        raise UsageError(msg)
    codes, lines = _codes(rows, published, code, found)
    check_codes(path.name, codes, lines)
    if not lines:
        msg = f"codelist {path.name}: no row holds a code"
        raise CodelistError(msg)
    source = next((row["source"] for _, row in rows if row.get("source")), path.name)
    refset = published.optional((_REFSET,))
    return Codelist(
        id=id,
        title=title or id.replace("_", " "),
        version=_version(source, path),
        source=f"{source}; imported from {path.name}, SHA-256 {sha256_of(path)}",
        licence="as published; SNOMED CT content under the site's own licence",
        codes=codes,
        cluster=cluster,
        refset_id=(rows[0][1][refset] or None) if refset else None,
    )


def _read(path: Path) -> _Published:
    text = read_text(path)
    first = text.partition("\n")[0]
    names, rows = read_rows(path.name, text, "\t" if first.count("\t") > first.count(",") else ",")
    return _Published(path.name, {re.sub(r"[^a-z0-9]", "", name.casefold()): name for name in names}, rows)


def _form_of(published: _Published) -> str:
    if published.optional(_CLUSTER):
        return "pcd"
    named = [name for name in published.headings if name.startswith("dmd") or name in _DMD_ONLY]
    return "dmd" if named else "opencodelists"


def _of_cluster(
    rows: list[tuple[int, dict[str, str]]], published: _Published, cluster: str | None
) -> list[tuple[int, dict[str, str]]]:
    heading = published.heading(_CLUSTER, "clusters")
    known = sorted({row[heading] for _, row in rows})
    if cluster is None and len(known) > 1:
        msg = f"codelist {published.name}: holds {len(known)} clusters; choose one with --cluster, as in {known[0]}"
        raise UsageError(msg)
    kept = [(line, row) for line, row in rows if cluster is None or row[heading] == cluster]
    if not kept:
        msg = f"codelist {published.name}: cluster {cluster!r} is not among its {len(known)}"
        raise CodelistError(msg)
    return kept


def _codes(
    rows: list[tuple[int, dict[str, str]]], published: _Published, code: str, form: str
) -> tuple[pl.DataFrame, list[int]]:
    """Give the codes, each once, with the line each stands on first; a published file may repeat one for each use."""
    term, category = published.optional(_TERM), published.optional(_CATEGORY)
    system = published.optional(("system", "codesystem"))
    says = next(said for name, said in _CODE.items() if published.headings.get(name) == code)
    default = says or (CodeSystem.DMD if form == "dmd" else CodeSystem.SNOMED)
    seen: dict[tuple[str, str], tuple[int, dict[str, str | None]]] = {}
    for line, row in rows:
        given = _SYSTEMS.get(row[system].casefold(), row[system]) if system else default
        words = {"term": row[term] or None if term else None, "category": row[category] or None if category else None}
        seen.setdefault((given, row[code]), (line, {"code": row[code], "code_system": given or None, **words}))
    codes = pl.DataFrame([row for _, row in seen.values()], schema=COLUMNS)
    return codes, [line for line, _ in seen.values()]


def _version(source: str, path: Path) -> str:
    """Give the version that a source's last part or a file's name states: a date, or a publisher's own mark."""
    last = source.rsplit("/", 1)[-1]
    if "/" in source and any(character.isdigit() for character in last):
        return last
    dated = re.search(r"(19|20)[0-9]{6}", path.stem)
    return dated[0] if dated else "not stated"


def write_codelist(codelist: Codelist, folder: Path) -> Path:
    """Give the path of `codelist` written into a site's folder, in our form; an older file of the id is replaced."""
    check_id(codelist.id, codelist.id)
    folder.mkdir(parents=True, exist_ok=True)
    head = {name: getattr(codelist, name) for name in ("title", "version", "source", "licence", "cluster", "refset_id")}
    lines = [f"# {name}: {' '.join(str(value).split())}" for name, value in head.items() if value]
    table = codelist.codes.drop("category") if codelist.codes["category"].is_null().all() else codelist.codes
    path = folder / f"{codelist.id}.csv"
    replace_file(path, ("\n".join(lines) + "\n" + table.write_csv()).encode())
    return path
