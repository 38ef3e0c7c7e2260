"""Published lists come in whole: as many codes as their publisher counts, damage refused with its line."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

import pytest

from pophealth.errors import CodelistError, UsageError
from pophealth.reference import import_codelist, load_codelist, write_codelist
from test_support.ids import KNOWN, concept_id

ONE, TWO, THREE = KNOWN[:3]
SYSTEM_NAMES = {"SNOMED CT": "SNOMED"}
"""How the reference pack's index spells a system we call otherwise."""


def published(folder: Path, text: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_every_published_list_of_the_reference_pack_imports_whole(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "codelists"
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        index = list(csv.DictReader(file))
    assert len(index) == 336
    assert {row["file"] for row in index} == {str(path.relative_to(folder)) for path in folder.glob("*/*.csv")}
    for row in index:
        item = import_codelist(folder / row["file"], id=row["name"], title=row["label"])
        assert item.codes.height == int(row["codes"]), row["file"]
        assert item.systems == (SYSTEM_NAMES.get(row["system"], row["system"]),), row["file"]
        assert item.source.startswith(row["source"]), row["file"]
        again = load_codelist(write_codelist(item, tmp_path))
        assert again.digest == item.digest, row["file"]
        assert (again.title, again.version, again.source) == (item.title, item.version, item.source), row["file"]


def test_an_opencodelists_export_keeps_terms_and_category(tmp_path: Path) -> None:
    path = published(tmp_path, f'code,term,category\n{ONE},"Pain, left",1\n{TWO},Other,\n')
    item = import_codelist(path, id="pain")
    assert item.codes.rows() == [(ONE, "SNOMED", "Pain, left", "1"), (TWO, "SNOMED", "Other", None)]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert item.source == f"list.csv; imported from list.csv, SHA-256 {digest}"
    assert item.version == "not stated"


PCD = (
    "Cluster_ID\tCluster_Description\tSNOMED_code\tSNOMED_code_description\tPCD_Refset_ID\tOutput\tService\tRuleset\n"
    f"AST_COD\tAsthma\t{ONE}\tTerm one\t{KNOWN[4]}\tQOF\tQOF\tv50\n"
    f"AST_COD\tAsthma\t{ONE}\tTerm one\t{KNOWN[4]}\tNCD\tNCD\tv3\n"
    f"OTHER_COD\tOther\t{TWO}\tTerm two\t{KNOWN[4]}\tQOF\tQOF\tv50\n"
)


@pytest.mark.parametrize("separator", ["\t", ","])
def test_a_pcd_export_gives_one_cluster_each_code_once(tmp_path: Path, separator: str) -> None:
    path = published(tmp_path, PCD.replace("\t", separator), "20241205_PCD_Refset_Content.txt")
    item = import_codelist(path, id="asthma", cluster="AST_COD")
    assert item.codes.rows() == [(ONE, "SNOMED", "Term one", None)]
    assert (item.cluster, item.refset_id, item.version) == ("AST_COD", KNOWN[4], "20241205")
    again = load_codelist(write_codelist(item, tmp_path / "site"))
    assert (again.cluster, again.refset_id) == ("AST_COD", KNOWN[4])


def test_a_file_of_many_clusters_needs_a_choice_that_exists(tmp_path: Path) -> None:
    path = published(tmp_path, PCD)
    with pytest.raises(UsageError, match="holds 2 clusters; choose one with --cluster, as in AST_COD"):
        import_codelist(path, id="x")
    with pytest.raises(CodelistError, match="cluster 'AST' is not among its 2"):
        import_codelist(path, id="x", cluster="AST")
    plain = published(tmp_path, f"code,term\n{ONE},x\n", "plain.csv")
    with pytest.raises(UsageError, match="the file has no column of clusters"):
        import_codelist(plain, id="x", cluster="AST")


@pytest.mark.parametrize(
    ("heading", "system"),
    [
        ("type,id,bnf_code,nm", "dm+d"),
        ("dmd_type,dmd_id,dmd_name,bnf_code", "dm+d"),
        ("code,term,dmd_type", "dm+d"),
        ("id,name", "SNOMED"),
        ("ConceptId,Term", "SNOMED"),
        ("CTV3ID,CTV3PreferredTermDesc", "CTV3"),
        ("ICD10_code,description", "ICD-10"),
    ],
)
def test_headings_say_which_system_it_is(tmp_path: Path, heading: str, system: str) -> None:
    names = heading.split(",")
    code = {"CTV3": "1371.", "ICD-10": "I10"}.get(system, ONE)
    row = [code if "id" in name.lower().replace("icd10_code", "id") or name == "code" else "x" for name in names]
    item = import_codelist(published(tmp_path, f"{heading}\n{','.join(row)}\n"), id="x")
    assert item.codes.select("code", "code_system").rows() == [(code, system)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("number,word\n1,x\n", "no column of codes; expected one of code, conceptid"),
        ("code,term\n", "no row holds a code"),
        ("code,term\n,x\n", "no row holds a code"),
        (
            f"code,term\n{ONE},x\n1.77471E+14,y\n",
            "1 of 2 codes are numbers that a spreadsheet rounded, first on line 3",
        ),
        (
            f"code,term\n{ONE},x\n{TWO[:-1]}2,y\n",
            "1 of 2 codes fail the SNOMED CT check digit or partition, first on line 3",
        ),
        (f"code,term\n{ONE},Pain, left\n", "line 2 has 3 cells, expected 2"),
        (f"code,term,system\n{ONE},x,Klingon\n", "are in an unknown code system, first on line 2"),
    ],
)
def test_damage_is_refused_with_the_line_of_the_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CodelistError, match=re.escape(said)) as caught:
        import_codelist(published(tmp_path, text), id="x")
    assert ONE not in str(caught.value)


def test_ids_rounded_by_a_spreadsheet_never_come_in(shared_data: Path, tmp_path: Path) -> None:
    """Every long list of the pack, its ids passed through a number of 15 digits, is refused."""
    tried = 0
    for path in sorted((shared_data / "codelists" / "dmd").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            codes = [row["code"] for row in csv.DictReader(file)]
        if sum(len(code) > 15 for code in codes) < 20:
            continue
        tried += 1
        rounded = [
            code if len(code) <= 15 else f"{float(code):.14e}".replace(".", "")[:15].ljust(len(code), "0")
            for code in codes
        ]
        damaged = published(tmp_path, "code,term\n" + "".join(f"{code},x\n" for code in rounded))
        with pytest.raises(CodelistError, match="spreadsheet"):
            import_codelist(damaged, id="x", form="dmd")
    assert tried > 20


def test_an_unknown_form_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected one of auto, opencodelists, pcd, dmd"):
        import_codelist(published(tmp_path, "code\n"), id="x", form="excel")


@pytest.mark.parametrize("name", ["../evil", "a/b", "", "A", "x\n"])
def test_an_id_never_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    path = published(tmp_path, f"code,term\n{ONE},x\n")
    with pytest.raises(CodelistError, match="small letters"):
        import_codelist(path, id=name)


def test_writing_again_replaces_the_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = published(tmp_path, f'code,term\n{ONE},"a, ""b"""\n{concept_id("123456700")},\n')
    site = tmp_path / "site"
    write_codelist(import_codelist(path, id="pain", title="two\nlines"), site)
    written = write_codelist(import_codelist(path, id="pain", title="two\nlines"), site)
    assert [file.name for file in site.iterdir()] == ["pain.csv"]
    item = load_codelist(written)
    assert item.title == "two lines"
    assert item.codes["term"].to_list() == ['a, "b"', None]
