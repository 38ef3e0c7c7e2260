"""Whom a delivery leaves out as known on the day it is made: one person each, and the lists' own age and wholeness."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from pophealth.config import Config, load_config
from pophealth.errors import ConfigError
from pophealth.pseudonyms import pseudonym, purpose_key
from pophealth.runs.clock import today
from pophealth.runs.keys import read_key
from pophealth.runs.objections import Objections, left_out, read_objections, type_1_objections
from pophealth.terms import LegalBasis
from test_support import sites

NUMBER = "9990000018"
EXTRACT = date(2025, 2, 28)


def configured(folder: Path, **changes: str) -> Config:
    """The small site's configuration with lines of it changed."""
    path = sites.make_site(folder / "site", register=False)
    text = path.read_text()
    for old, new in changes.items():
        text = text.replace(f"{old} =", f"{old} = {new}\n#")
    path.write_text(text)
    return load_config(path)


def objections(config: Config) -> Objections:
    return read_objections(config, read_key(config.site.key_file), today())


def national(config: Config) -> Path:
    assert config.opt_outs.national_list is not None
    return config.opt_outs.national_list


@pytest.mark.parametrize("name", ["national", "type_1"])
def test_both_lists_become_pseudonyms_of_the_sites_purpose(tmp_path: Path, name: str) -> None:
    config = configured(tmp_path)
    sites.write_list(tmp_path / "site" / f"{name}.csv", "999 000 0018")
    key = purpose_key(read_key(config.site.key_file), "case_finding")
    assert objections(config).patient_ids == {pseudonym(key, NUMBER)}


def test_direct_care_keeps_everyone_and_still_reads_the_lists(tmp_path: Path) -> None:
    config = configured(tmp_path, purpose='"case_finding"\nlegal_basis = "direct_care"\napproval_reference = "X 1"')
    sites.write_list(national(config), NUMBER)
    found = objections(config)
    assert (found.patient_ids, found.apply) == (frozenset(), False)
    sites.write_list(national(config), NUMBER, days_old=100)
    with pytest.raises(ConfigError, match="100 days old"):
        objections(config)


def test_a_real_site_under_section_251_needs_a_national_list(tmp_path: Path) -> None:
    config = configured(tmp_path, national_list='"national.csv"')
    without = config.model_copy(update={"opt_outs": config.opt_outs.model_copy(update={"national_list": None})})
    with pytest.raises(ConfigError, match="a dated list of national data opt-outs is required"):
        objections(without)
    made_up = without.model_copy(update={"site": config.site.model_copy(update={"synthetic": True})})
    assert objections(made_up).patient_ids == frozenset()


def test_a_list_may_be_empty_but_not_old(tmp_path: Path) -> None:
    config = configured(tmp_path)
    for days, said in ((0, None), (8, None), (9, "is 9 days old, allowed are 0 to 8"), (-1, "is -1 days old")):
        sites.write_list(national(config), days_old=days)
        if said is None:
            assert objections(config).patient_ids == frozenset()
        else:
            with pytest.raises(ConfigError, match=said):
                objections(config)


GOOD_HEAD = f"# as_of: {today()}\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must begin with '# as_of"),
        (b"nhs_number\n9990000018\n", "must begin with '# as_of"),
        (b"# as_of: soon\nnhs_number\n", "must begin with '# as_of"),
        (b"# as_of: 2024-13-45\nnhs_number\n", "must begin with '# as_of"),
        (GOOD_HEAD.encode() + b"number\n9990000018\n", "expected a column nhs_number on its second line"),
        (GOOD_HEAD.encode() + b"nhs_number\n9.99E+09\n", "1 of 1 entries are not ten digits, first entry 1"),
        (
            GOOD_HEAD.encode() + b"nhs_number\n9990000018\n999000001\n",
            "1 of 2 entries are not ten digits, first entry 2",
        ),
        (GOOD_HEAD.encode() + "nhs_number\n999000001８\n".encode(), "entries are not ten digits"),
        (GOOD_HEAD.encode() + b"nhs_number,x\n,1\n", "entries are not ten digits"),
        (b"\xff\xfe" + GOOD_HEAD.encode("utf-16-le"), "is not UTF-8 text"),
    ],
)
def test_a_damaged_list_stops_the_run_and_shows_no_number(tmp_path: Path, content: bytes, said: str) -> None:
    """A number that cannot be matched would let somebody through who objected."""
    config = configured(tmp_path)
    national(config).write_bytes(content)
    with pytest.raises(ConfigError, match=said) as caught:
        objections(config)
    assert "999" not in str(caught.value).replace(str(tmp_path), "")
    national(config).unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        objections(config)


@pytest.mark.parametrize("change", ["bom", "crlf", "padded", "another column"])
def test_what_spreadsheets_do_to_a_whole_list_is_read(tmp_path: Path, change: str) -> None:
    config = configured(tmp_path)
    text = GOOD_HEAD + f"nhs_number\n{NUMBER}\n"
    if change == "crlf":
        text = text.replace("\n", "\r\n")
    elif change == "padded":
        text = text.replace("\n", ",\n").replace("nhs_number,", "nhs_number,x")
    elif change == "another column":
        text = GOOD_HEAD + f"name,nhs_number\nx,{NUMBER}\n"
    national(config).write_bytes(text.encode("utf-8-sig" if change == "bom" else "utf-8"))
    assert len(objections(config).patient_ids) == 1


def test_the_digest_follows_each_list_and_the_basis(tmp_path: Path) -> None:
    config = configured(tmp_path)
    seen = {objections(config).digest}
    for name in ("national", "type_1"):
        sites.write_list(tmp_path / "site" / f"{name}.csv", NUMBER)
        seen.add(objections(config).digest)
    swapped = config.model_copy(
        update={
            "opt_outs": config.opt_outs.model_copy(
                update={"national_list": config.opt_outs.type_1_list, "type_1_list": None}
            )
        }
    )
    seen.add(objections(swapped).digest)
    assert len(seen) == 4


def bucket(
    practice: str = "A81001",
    *,
    death_date: date | None = None,
    stays: list[tuple[str, date | None, str]] | None = None,
    opt_outs: list[tuple[str, date, date | None]] | None = None,
) -> SimpleNamespace:
    """A practice with one person, p1, whose stays are (practice, end, type) and objections (type, start, end)."""
    rows = stays if stays is not None else [(practice, None, "regular")]
    return SimpleNamespace(
        practice=practice,
        people=pl.DataFrame({"patient_id": ["p1"], "death_date": pl.Series([death_date], dtype=pl.Date)}),
        registrations=pl.DataFrame(
            [("p1", *row) for row in rows],
            schema={
                "patient_id": pl.String, "practice_code": pl.String, "end_date": pl.Date,
                "registration_type": pl.Enum(["regular", "temporary", "private", "other"]),
            },
            orient="row",
        ),
        opt_outs=pl.DataFrame(
            [("p1", *row) for row in opt_outs or []],
            schema={
                "patient_id": pl.String, "opt_out_type": pl.Enum(["type_1", "national"]), "start_date": pl.Date,
                "end_date": pl.Date,
            },
            orient="row",
        ),
    )  # fmt: skip


def reasons(
    one: SimpleNamespace, *, listed: bool = False, apply: bool = True, extract: date | None = EXTRACT
) -> set[str]:
    known = Objections(frozenset({"p1"} if listed and apply else ()), "", apply=apply)
    return {reason for reason, ids in left_out([one], known, extract).items() if ids.to_list()}


BEFORE, ON, AFTER = EXTRACT - timedelta(1), EXTRACT, EXTRACT + timedelta(1)


def test_someone_still_there_is_kept() -> None:
    assert reasons(bucket()) == set()
    assert reasons(bucket(stays=[("A81001", date(2099, 12, 31), "regular")])) == set(), "how some systems write no end"


def test_one_opted_out_one_dead_one_deducted() -> None:
    assert reasons(bucket(), listed=True) == {"opted_out"}
    assert reasons(bucket(death_date=date(2025, 2, 3))) == {"died"}
    assert reasons(bucket(stays=[("A81001", BEFORE, "regular")])) == {"deducted"}
    assert reasons(bucket(stays=[("A81001", ON, "regular")])) == {"deducted"}, "the end is the first day outside"
    assert reasons(bucket(stays=[("A81001", AFTER, "regular")])) == {"deducted"}, "announced is known"


def test_direct_care_keeps_who_objected_and_leaves_out_the_dead_and_the_deducted() -> None:
    objecting = [("national", date(2020, 1, 1), None)]
    assert reasons(bucket(opt_outs=objecting), listed=True, apply=False) == set()
    assert reasons(bucket(opt_outs=objecting, death_date=ON), apply=False) == {"died"}


@pytest.mark.parametrize("kind", ["type_1", "national"])
@pytest.mark.parametrize(
    ("start", "end", "out"),
    [
        (date(2025, 2, 10), None, True),  # since the index date: only the extract knows
        (date(2020, 1, 1), AFTER, True),
        (date(2020, 1, 1), ON, False),  # withdrawn
        (AFTER, None, True),  # announced
    ],
)
def test_objections_the_extract_knows_are_applied_again(kind: str, start: date, end: date | None, out: bool) -> None:
    assert (reasons(bucket(opt_outs=[(kind, start, end)])) == {"opted_out"}) == out


@pytest.mark.parametrize(
    ("stays", "out"),
    [
        ([("A81001", BEFORE, "regular"), ("A81001", None, "regular")], False),  # left and came back
        ([("A81001", None, "temporary")], True),
        ([("A81001", BEFORE, "regular"), ("B99999", None, "regular")], True),  # is with another practice now
        ([], True),
    ],
)
def test_who_has_no_open_regular_stay_with_this_practice_is_deducted(
    stays: list[tuple[str, date | None, str]], out: bool
) -> None:
    assert (reasons(bucket(stays=stays)) == {"deducted"}) == out


def test_without_an_extract_date_any_end_is_an_end() -> None:
    assert reasons(bucket(stays=[("A81001", AFTER, "regular")]), extract=None) == {"deducted"}
    assert reasons(bucket(opt_outs=[("national", date(2020, 1, 1), AFTER)]), extract=None) == set()


def test_at_ingest_only_the_type_1_list_counts_and_only_under_section_251(tmp_path: Path) -> None:
    config = configured(tmp_path)
    sites.write_list(national(config), "9990000026")
    sites.write_list(tmp_path / "site" / "type_1.csv", NUMBER)
    site_key = read_key(config.site.key_file)
    key = purpose_key(site_key, "case_finding")
    assert type_1_objections(config, site_key, today()) == {pseudonym(key, NUMBER)}
    sites.write_list(tmp_path / "site" / "type_1.csv", NUMBER, days_old=9)
    with pytest.raises(ConfigError, match=r"type_1_list: type_1\.csv is 9 days old"):
        type_1_objections(config, site_key, today())
    site = config.site.model_copy(update={"legal_basis": LegalBasis.DIRECT_CARE})
    assert type_1_objections(config.model_copy(update={"site": site}), site_key, today()) == frozenset()
