"""`pophealth scores`: what an outside caller sees of list, describe and compute, from CSV and Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pophealth.cli import main
from pophealth.scores import compute, load_scores
from score_checks import frame_of

SCORES = load_scores()
Command = Callable[..., int]


@pytest.fixture
def pophealth(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command line in this process and give its exit code."""

    def call(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["pophealth", *map(str, words)])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return call


QRISK_CSV = """\
nhs_row,sex,age_years,qrisk_ethnicity,qrisk_smoking,bmi_kg_m2,total_hdl_ratio,sbp_mmhg,sbp_sd_mmhg,townsend,\
has_atrial_fibrillation,on_atypical_antipsychotic,on_corticosteroids,has_erectile_dysfunction,has_migraine,\
has_rheumatoid_arthritis,has_ckd_3_to_5,has_severe_mental_illness,has_systemic_lupus,has_treated_hypertension,\
has_type_1_diabetes,has_type_2_diabetes,has_family_history_cvd,remark
007,male,64,indian,non,25.249337,4,180,20,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"as printed, 27.1"
003,female,64,indian,non,25.249337,4,180,20,0,false,False,FALSE,0,0,0,0,0,0,0,0,0,0,
005,female,64,indian,non,25.249337,4,,20,0,0,0,0,0,0,0,0,0,0,0,0,0,1,""
"""


def test_compute_reads_a_csv_and_keeps_what_it_does_not_know(pophealth: Command, tmp_path: Path, capsys) -> None:
    (tmp_path / "in.csv").write_text(QRISK_CSV)
    assert (
        pophealth("scores", "compute", "qrisk3", "--input", tmp_path / "in.csv", "--output", tmp_path / "out.csv") == 0
    )
    said = capsys.readouterr()
    assert f"wrote {tmp_path / 'out.csv'}: 3 rows, 2 with a value" in said.out
    assert "https://qrisk.org" in said.err
    given = pl.read_csv(tmp_path / "in.csv", infer_schema=False)
    scored = pl.read_csv(tmp_path / "out.csv", infer_schema=False)
    assert scored.select(given.columns).equals(given)
    assert scored["nhs_row"].to_list() == ["007", "003", "005"]
    risks = [None if text is None else round(float(text), 1) for text in scored["qrisk3_10y_percent"]]
    assert risks == [27.1, 17.2, None]
    assert scored["qrisk3_flags"].to_list() == ["", "", "missing:sbp_mmhg"]
    assert scored["qrisk3_version"].to_list() == ["2017"] * 3


def test_an_option_is_given_by_name(pophealth: Command, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(QRISK_CSV)
    words = ("scores", "compute", "qrisk3", "--input", tmp_path / "in.csv", "--output", tmp_path / "out.csv")
    assert pophealth(*words, "--option", "estimate_missing=true") == 0
    scored = pl.read_csv(tmp_path / "out.csv")
    assert scored["qrisk3_10y_percent"].null_count() == 0
    assert scored["qrisk3_flags"].to_list() == ["", "", "imputed:sbp_mmhg"]
    assert pophealth(*words, "--option", "estimate_missing") == 2
    assert pophealth(*words, "--option", "estimate=true") == 2


@pytest.mark.parametrize("score_id", sorted(SCORES))
@pytest.mark.parametrize(("first", "second"), [("csv", "parquet"), ("parquet", "csv"), ("parquet", "parquet")])
def test_every_score_from_file_to_file(
    pophealth: Command, tmp_path: Path, score_id: str, first: str, second: str
) -> None:
    frame = frame_of(SCORES[score_id], 30, seed=11).sort("nhs_row", descending=True)
    source, target = tmp_path / f"in.{first}", tmp_path / f"out.{second}"
    if first == "csv":
        lists = [entry.name for entry in SCORES[score_id].inputs if entry.dtype == "codes"]
        frame.with_columns(pl.col(name).list.join(";") for name in lists).write_csv(source)
    else:
        frame.write_parquet(source)
    assert pophealth("scores", "compute", score_id, "--input", source, "--output", target) == 0
    expected = compute(score_id, frame)
    columns = ["nhs_row", *(output.name for output in SCORES[score_id].columns)]
    if second == "parquet":
        assert pl.read_parquet(target, columns=columns).select(columns).equals(expected.select(columns))
        return
    written = pl.read_csv(target, infer_schema=False).select(columns)
    for name in columns[1:]:
        wanted = expected[name]
        if wanted.dtype == pl.List(pl.String):
            assert written[name].to_list() == wanted.list.join(";").to_list()
        elif wanted.dtype.is_numeric():
            assert written[name].cast(wanted.dtype).equals(wanted)
        else:
            assert written[name].to_list() == wanted.cast(pl.String).to_list()


def test_a_csv_tells_no_codes_from_unknown_codes(pophealth: Command, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text('row,icd10_codes\n1,\n2,""\n3,;\n4,G81;F00.1\n')
    assert (
        pophealth("scores", "compute", "hfrs", "--input", tmp_path / "in.csv", "--output", tmp_path / "o.parquet") == 0
    )
    scored = pl.read_parquet(tmp_path / "o.parquet")
    assert scored["hfrs"].to_list() == [None, 0.0, 0.0, 11.5]
    assert scored["hfrs_flags"].to_list() == [["missing:icd10_codes"], [], [], []]


def test_a_csv_as_other_programs_write_it(pophealth: Command, tmp_path: Path) -> None:
    """A flag with gaps comes as 1.0 out of some, a float that is not there as nan."""
    (tmp_path / "in.csv").write_text(
        "age_years,sex,egfr_ml_min_1_73m2,acr_mg_mmol,on_renal_replacement_therapy\n"
        "70,male,30,3,0.0\n70.0,male,NaN,3,1.0\nnan,female,30,nan,\n70,indeterminate,30,3,TRUE\n70,not_known,30,3,\n"
    )
    words = ("scores", "compute", "kfre4", "--input", tmp_path / "in.csv", "--output", tmp_path / "out.parquet")
    assert pophealth(*words) == 0
    scored = pl.read_parquet(tmp_path / "out.parquet")
    assert scored["kfre4_5y_percent"].is_null().to_list() == [False, True, True, True, True]
    assert scored["kfre4_flags"].to_list() == [
        [],
        ["missing:egfr_ml_min_1_73m2", "not_applicable:on_renal_replacement_therapy"],
        ["missing:age_years", "missing:acr_mg_mmol"],
        ["missing:sex", "not_applicable:on_renal_replacement_therapy"],
        ["missing:sex"],
    ]


def test_list_names_what_a_caller_chooses_by(pophealth: Command, capsys) -> None:
    assert pophealth("scores", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [row["id"] for row in rows] == sorted(SCORES)
    for row in rows:
        assert list(row) == ["id", "version", "source", "licence", "range", "direction"]
        assert len(row["range"]) == 2
        assert row["direction"] in ("higher is worse", "higher is better", "none")
    assert pophealth("scores", "list") == 0
    assert len(capsys.readouterr().out.splitlines()) == len(SCORES) + 1


@pytest.mark.parametrize("score_id", sorted(SCORES))
def test_describe_says_every_column(pophealth: Command, capsys, score_id: str) -> None:
    assert pophealth("scores", "describe", score_id, "--json") == 0
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    score = SCORES[score_id]
    assert told["id"] == score_id
    assert told["primary_output"] == score.primary_output
    assert [entry["name"] for entry in told["inputs"]] == [entry.name for entry in score.inputs]
    for entry in told["inputs"]:
        assert {"name", "dtype", "unit", "allowed", "missing", "needed", "optional", "description"} == set(entry)
    assert [entry["name"] for entry in told["outputs"]][-2:] == [f"{score_id}_flags", f"{score_id}_version"]
    assert {"licence", "needs_licence_acceptance", "statement", "link", "source", "version", "options"} <= set(told)
    assert pophealth("scores", "describe", score_id) == 0
    spoken = capsys.readouterr().out
    assert all(entry.name in spoken for entry in score.inputs)


def test_a_gated_score_is_computed_with_a_notice_that_can_be_answered(
    pophealth: Command, tmp_path: Path, capsys
) -> None:
    frame_of(SCORES["efi2"], 4).write_parquet(tmp_path / "in.parquet")
    words = ("scores", "compute", "efi2", "--input", tmp_path / "in.parquet", "--output", tmp_path / "out.parquet")
    assert pophealth(*words) == 0
    assert "notice: efi2 is under a condition" in capsys.readouterr().err
    assert pophealth(*words, "--accept-licence") == 0
    assert "notice" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("scores", "describe", "qrisk"), 2, "did you mean 'qrisk3'"),
        (("scores", "compute", "hfrs", "--input", "absent.csv", "--output", "{tmp}/o.csv"), 2, "no such file"),
        (("scores", "compute", "hfrs", "--input", "{tmp}/in.csv", "--output", "{tmp}/o.xlsx"), 2, ".csv or .parquet"),
        (("scores", "compute", "hfrs", "--input", "{tmp}/in.csv", "--output", "{tmp}/no/o.csv"), 2, "no folder"),
        (("scores", "compute", "hfrs", "--input", "{tmp}/empty.csv", "--output", "{tmp}/o.csv"), 3, "head line"),
        (("scores", "compute", "hfrs", "--input", "{tmp}/text.parquet", "--output", "{tmp}/o.csv"), 3, "as parquet"),
        (("scores", "compute", "hfrs", "--input", "{tmp}/twice.csv", "--output", "{tmp}/o.csv"), 3, "stand twice"),
        (("scores", "compute", "fib4", "--input", "{tmp}/in.csv", "--output", "{tmp}/o.csv"), 3, "age_years"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    pophealth: Command, tmp_path: Path, capsys, words: tuple[str, ...], code: int, says: str
) -> None:
    (tmp_path / "in.csv").write_text("icd10_codes\nI21\n")
    (tmp_path / "twice.csv").write_text("icd10_codes,note,icd10_codes\nI21,,I22\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "text.parquet").write_text("not parquet")
    assert pophealth(*(word.format(tmp=tmp_path) for word in words)) == code
    error = capsys.readouterr().err
    assert says in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "o.csv").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_nested_column_goes_into_parquet_only(pophealth: Command, tmp_path: Path, capsys) -> None:
    frame = frame_of(SCORES["hfrs"], 2).with_columns(nested=pl.struct("note"))
    frame.write_parquet(tmp_path / "in.parquet")
    words = ("scores", "compute", "hfrs", "--input", tmp_path / "in.parquet", "--output")
    assert pophealth(*words, tmp_path / "out.parquet") == 0
    assert pophealth(*words, tmp_path / "out.csv") == 3
    assert "nested" in capsys.readouterr().err
