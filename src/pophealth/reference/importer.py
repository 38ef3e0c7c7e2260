"""Gives codelists from the forms they are published in, every id checked; and writes them in ours."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl

from pophealth.errors import CodelistError, UsageError
from pophealth.reference.codelists import COLUMNS, Codelist, check_codes
from pophealth.terms import CodeSystem

FORMS = ("auto", "opencodelists", "pcd", "dmd")

# Headings as published, lower case without spaces and underscores: OpenCodelists exports, TRUD's reference-set content
# files and dm+d lists spell them differently.
_CODE = (
    "code",
    "conceptid",
    "snomedcode",
    "snomedctconceptid",
    "dmdid",
    "dmdcode",
    "icd10code",
    "icd10",
    "ctv3id",
    "id",
)
_TERM = ("term", "conceptdescription", "name", "description", "nm", "dmdname", "title")
_CATEGORY = ("category", "cat", "dmdtype")
_CLUSTER = ("clusterid", "cluster")

_SYSTEMS = {
    "snomed ct": CodeSystem.SNOMED,
    "snomedct": CodeSystem.SNOMED,
    "dm+d": CodeSystem.DMD,
    "icd-10": CodeSystem.ICD10,
    "icd10": CodeSystem.ICD10,
    "ctv3": CodeSystem.CTV3,
    "opcs-4": CodeSystem.OPCS4,
} | {system.value.casefold(): system for system in CodeSystem}


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
        An unknown form, or a file of several clusters and none chosen.
    CodelistError
        No column of codes, an unknown cluster, or damaged ids; lines are named, never ids.
    """
    if form not in FORMS:
        msg = f"form {form!r}: expected one of {', '.join(FORMS)}"
        raise UsageError(msg)
    rows, headings = _read(path)
    found = _form_of(headings) if form == "auto" else form
    code = _heading(headings, _CODE, path, "codes")
    numbered = [(line, row) for line, row in enumerate(rows, start=2) if (row[code] or "").strip()]
    if found == "pcd":
        numbered = _of_cluster(numbered, _heading(headings, _CLUSTER, path, "clusters"), cluster, path)
    codes, lines = _codes(numbered, headings, code, found)
    _check(path.name, codes, lines)
    source = next((row["source"] for _, row in numbered if row.get("source")), path.name)
    return Codelist(
        id=id,
        title=title or id.replace("_", " "),
        version=_version(source),
        source=source,
        licence="as published; SNOMED CT content under the site's own licence",
        codes=codes,
        cluster=cluster,
    )


def _read(path: Path) -> tuple[list[dict[str, str]], dict[str, str]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"codelist {path.name}: cannot be read as UTF-8 text ({type(error).__name__})"
        raise CodelistError(msg) from None
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter="\t" if first.count("\t") > first.count(",") else ",")
    headings = {
        name.casefold().replace("_", "").replace(" ", "").replace("-", ""): name for name in reader.fieldnames or []
    }
    return list(reader), headings


def _form_of(headings: dict[str, str]) -> str:
    if any(name in headings for name in _CLUSTER):
        return "pcd"
    return "dmd" if any(name.startswith("dmd") for name in headings) else "opencodelists"


def _heading(headings: dict[str, str], spellings: tuple[str, ...], path: Path, what: str) -> str:
    for name in spellings:
        if name in headings:
            return headings[name]
    msg = f"codelist {path.name}: no column of {what}; expected one of {', '.join(spellings)}, found {list(headings.values())}"
    raise CodelistError(msg)


def _of_cluster(
    numbered: list[tuple[int, dict[str, str]]], heading: str, cluster: str | None, path: Path
) -> list[tuple[int, dict[str, str]]]:
    known = sorted({row[heading].strip() for _, row in numbered})
    if cluster is None and len(known) > 1:
        msg = f"codelist {path.name}: holds {len(known)} clusters; choose one with --cluster, as in {known[0]}"
        raise UsageError(msg)
    kept = [(line, row) for line, row in numbered if cluster is None or row[heading].strip() == cluster]
    if not kept:
        msg = f"codelist {path.name}: cluster {cluster!r} is not among its {len(known)}"
        raise CodelistError(msg)
    return kept


def _codes(
    numbered: list[tuple[int, dict[str, str]]], headings: dict[str, str], code: str, form: str
) -> tuple[pl.DataFrame, list[int]]:
    """Give the codes, each once, with the line each stands on first."""
    term = next((headings[name] for name in _TERM if name in headings), None)
    category = next((headings[name] for name in _CATEGORY if name in headings), None)
    system = headings.get("system") or headings.get("codesystem")
    default = CodeSystem.DMD if form == "dmd" else CodeSystem.SNOMED
    seen: dict[tuple[str, str], tuple[int, dict[str, str | None]]] = {}
    for line, row in numbered:
        given = _SYSTEMS.get((row[system] or "").strip().casefold(), row[system]) if system else default
        key = (str(given), row[code].strip())
        words = {"term": row[term] if term else None, "category": row[category] if category else None}
        seen.setdefault(key, (line, {"code": key[1], "code_system": key[0], **words}))
    codes = pl.DataFrame([row for _, row in seen.values()], schema=COLUMNS)
    return codes, [line for line, _ in seen.values()]


def _check(name: str, codes: pl.DataFrame, lines: list[int]) -> None:
    """Check code by code as one table; on damage say it again with the line of the file."""
    try:
        check_codes(name, codes, 0)
    except CodelistError as error:
        what, found, place = str(error).partition("first on line ")
        digits = place.split(".")[0]
        if not found:
            raise
        raise CodelistError(f"{what}{found}{lines[int(digits)]}{place[len(digits) :]}") from None  # noqa: EM102


def _version(source: str) -> str:
    last = source.rsplit("/", 1)[-1]
    return last if any(character.isdigit() for character in last) else "not stated"


def write_codelist(codelist: Codelist, folder: Path) -> Path:
    """Give the path of `codelist` written into a site's folder, in our form; an older file of the id is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    head = {name: getattr(codelist, name) for name in ("title", "version", "source", "licence", "cluster")}
    lines = [f"# {name}: {' '.join(str(value).split())}" for name, value in head.items() if value]
    table = codelist.codes.drop("category") if codelist.codes["category"].is_null().all() else codelist.codes
    path = folder / f"{codelist.id}.csv"
    path.write_text("\n".join(lines) + "\n" + table.write_csv(), "utf-8")
    return path
