"""The room itself: inputs made sound, flags as a list, data files with a head, what a run needs of scores."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.cohorts import columns_of
from pophealth.declare import Input, Option, Output, Score
from pophealth.errors import ConfigError, DataContractError, DeclarationError, UsageError
from pophealth.features import load_features
from pophealth.plan import scores_needed
from pophealth.population import BASE_COLUMNS
from pophealth.scores import load_scores
from pophealth.scores._computing import choose_options
from pophealth.scores._data import read_head, read_table
from pophealth.scores._flags import Flags
from pophealth.scores._prepare import prepare


def score(*inputs: Input, options: tuple[Option, ...] = ()) -> Score:
    return Score(
        id="made_up",
        title="Made up",
        version="1",
        source="none",
        licence="none",
        range=(0.0, 1.0),
        direction="none",
        inputs=inputs,
        outputs=(Output("made_up", "float", None, "nothing"),),
        primary_output="made_up",
        compute=lambda frame, _options: frame,
        options=options,
    )


@pytest.mark.parametrize(
    ("dtype", "given_values", "read"),
    [
        ("bool", [True, None, False], [True, None, False]),
        ("bool", [1, None, 0], [True, None, False]),
        ("bool", [1.0, float("nan"), 0.0], [True, None, False]),
        ("bool", ["1", "true", "TRUE", " False ", "0", ""], [True, True, True, False, False, None]),
        ("int", [64, None], [64, None]),
        ("int", [64.0, float("nan")], [64, None]),
        ("int", ["64", " 64.0 ", ""], [64, 64, None]),
        ("float", [1, None], [1.0, None]),
        ("float", [1.5, float("nan"), float("inf")], [1.5, None, float("inf")]),
        ("float", ["1.5", "1e2", ""], [1.5, 100.0, None]),
        ("float", ["nan", "NaN", " 2 "], [None, None, 2.0]),
        ("int", ["nan", "64"], [None, 64]),
        ("bool", ["1.0", "0.0", None], [True, False, None]),
        ("category", ["a", None, "b", ""], ["a", None, "b", None]),
        ("date", ["2025-01-31", ""], ["2025-01-31", None]),
        ("text", ["x", "", " "], ["x", None, None]),
        ("codes", [["I21", "E10"], [], None], [["I21", "E10"], [], None]),
        ("codes", ["I21;E10", "I21", None], [["I21", "E10"], ["I21"], None]),
        ("bool", [None, None], [None, None]),
        ("codes", [None], [None]),
    ],
)
def test_values_are_read_as_declared(dtype, given_values, read) -> None:
    entry = Input("x", dtype, allowed=("a", "b") if dtype == "category" else None)
    column = prepare(score(entry), pl.DataFrame({"x": given_values}))["x"]
    assert (column.cast(pl.String) if dtype in ("date", "category") else column).to_list() == read


@pytest.mark.parametrize(
    ("dtype", "given_values", "bad"),
    [
        ("bool", [2, 0, 1], 1),
        ("bool", ["yes", "no", "1"], 2),
        ("bool", ["nan", "0.5", "1"], 2),
        ("category", ["nan", "indeterminate", "a"], 2),
        ("int", [64.5, 64.0], 1),
        ("int", ["64.5", "old", "64"], 2),
        ("float", ["high", "1"], 1),
        ("category", ["c", "a", "A"], 2),
        ("date", ["31/01/2025"], 1),
    ],
)
def test_what_is_not_admitted_is_counted_and_never_shown(dtype, given_values, bad) -> None:
    entry = Input("x", dtype, allowed=("a", "b") if dtype == "category" else None)
    with pytest.raises(DataContractError, match=f"column x holds {bad} of {len(given_values)} values") as caught:
        prepare(score(entry), pl.DataFrame({"x": given_values}))
    for shown in ("yes", "64.5", "high", "'c'", "31/01"):
        assert shown not in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "column"), [("bool", pl.Series([[True]])), ("float", pl.Series([True])), ("codes", pl.Series([1]))]
)
def test_a_column_of_another_type_is_refused_by_type(dtype, column) -> None:
    with pytest.raises(DataContractError, match="column x is"):
        prepare(score(Input("x", dtype)), pl.DataFrame({"x": column}))


@pytest.mark.parametrize(
    "dtype", [pl.String, pl.Categorical, pl.Enum(["female", "male", "indeterminate", "not_known"])]
)
def test_a_recorded_sex_that_no_formula_has_is_missing_and_any_other_word_refused(dtype) -> None:
    entry = Input("sex", "category", allowed=("female", "male"))
    recorded = pl.Series("sex", ["male", "indeterminate", "not_known", None, "female"], dtype=dtype)
    assert prepare(score(entry), recorded.to_frame())["sex"].to_list() == ["male", None, None, None, "female"]
    with pytest.raises(DataContractError, match="column sex holds 2 of 3 values"):
        prepare(score(entry), pl.DataFrame({"sex": ["M", "not_known", "unknown"]}))


def test_absent_columns_are_named_all_at_once() -> None:
    made = score(Input("x", "bool"), Input("y", "float", optional=True), Input("z", "int"))
    with pytest.raises(DataContractError, match=r"2 of 3 input columns are absent: x, z\."):
        prepare(made, pl.DataFrame({"other": [1]}))
    ready = prepare(made, pl.DataFrame({"z": [1, 2], "x": [0, 1]}))
    assert ready.columns == ["x", "y", "z"]
    assert ready["y"].to_list() == [None, None]


@given(st.lists(st.sets(st.integers(0, 80)), min_size=0, max_size=30))
@settings(deadline=None)
def test_flags_stand_in_order_and_are_never_null(rows: list[set[int]]) -> None:
    flags = Flags(len(rows))
    for number in range(81):
        flags.add("missing", f"x{number}", np.array([number in row for row in rows], dtype=np.bool_))
    column = flags.series("made_flags")
    assert column.dtype == pl.List(pl.String)
    assert column.to_list() == [[f"missing:x{number}" for number in sorted(row)] for row in rows]


def test_options_are_read_by_the_type_of_their_default() -> None:
    made = score(
        options=(
            Option("yes", default=False, description="true or false"),
            Option("share", default=0.5, description="between 0 and 1", allowed=(0.0, 1.0)),
            Option("map", default="one", description="one or two", allowed=("one", "two")),
            Option("file", default=None, description="a file"),
        )
    )
    assert choose_options(made, {}) == {"yes": False, "share": 0.5, "map": "one", "file": None}
    given_options = {"yes": "true", "share": "0.25", "map": "two", "file": "a.csv"}
    assert choose_options(made, given_options) == {"yes": True, "share": 0.25, "map": "two", "file": "a.csv"}
    for wrong in ({"yes": "maybe"}, {"share": "2"}, {"share": "x"}, {"map": "three"}, {"other": 1}):
        with pytest.raises(UsageError, match="made_up"):
            choose_options(made, wrong)


def test_a_data_file_without_a_head_is_refused() -> None:
    assert read_head("hfrs")["licence"]
    assert len(read_table("hfrs")[0]) == 2
    with pytest.raises(DeclarationError, match="cannot be read"):
        read_table("absent")


# --- what a run needs -------------------------------------------------------------------------------------------------

COLUMNS = set(load_features()) | set(BASE_COLUMNS)


def test_a_run_computes_the_scores_its_rules_read_and_those_the_site_wants() -> None:
    scores, closed = scores_needed({"efi_deficit_count", "age_years"}, COLUMNS, (), ())
    assert [made.id for made in scores] == ["efi"]
    assert closed == {}
    scores, _ = scores_needed({"age_years"}, COLUMNS, ("qrisk3", "qrisk3", "efi"), ())
    assert [made.id for made in scores if made.id != "townsend"] == ["qrisk3", "efi"]


def test_a_score_stands_after_those_that_feed_it() -> None:
    columns = {"age_years", "sex", "creatinine_latest_umol_l", "acr_latest_mg_mmol", "has_dialysis_or_renal_transplant"}
    scores, closed = scores_needed({"kfre4_5y_percent"}, columns, (), ())
    assert [made.id for made in scores] == ["egfr_2009", "kfre4"]
    assert closed == {}


def test_a_score_without_what_it_needs_is_not_computable_and_so_is_what_it_feeds() -> None:
    scores, closed = scores_needed({"kfre4_5y_percent"}, {"age_years", "sex", "acr_latest_mg_mmol"}, (), ())
    assert scores == ()
    assert closed["egfr_2009_ml_min_1_73m2"] == "creatinine_latest_umol_l not declared"
    assert closed["kfre4_5y_percent"] == "creatinine_latest_umol_l not declared"


def test_a_gated_score_stays_off_until_its_licence_is_accepted() -> None:
    columns = {column for entry in load_scores()["efi2"].inputs for column in columns_of(entry.fed_by)}
    scores, closed = scores_needed({"efi2"}, columns, (), ())
    assert scores == ()
    assert closed["efi2"] == "licence of score efi2 not accepted"
    scores, closed = scores_needed({"efi2"}, columns, (), ("efi2",))
    assert [made.id for made in scores] == ["efi2"]
    assert closed == {}


def test_a_score_that_does_not_exist_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="qrisk4"):
        scores_needed(set(), set(), ("qrisk4",), ())


def test_the_gated_scores_are_those_whose_licence_asks_for_it() -> None:
    """clinical-scores.md section 15: eFI2, ACB, LACE and the SCORE2 family."""
    gated = {made.id for made in load_scores().values() if made.needs_licence_acceptance}
    assert gated == {"efi2", "acb", "lace", "score2", "score2_op", "score2_diabetes"}


def test_declarations_load_without_anything_heavy() -> None:
    code = (
        "import sys\nfrom pophealth.scores import load_scores\nassert len(load_scores()) > 5\n"
        "heavy = [name for name in ('polars', 'numpy', 'numba', 'pyarrow') if name in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


NOT_FED = {
    ("parr30", "imd_score"),  # looked up from a file of the site by lsoa_code
    ("parr30", "trust_code"),  # no table holds the provider of a spell
    ("score2", "score2_region"),
    ("score2_diabetes", "score2_region"),
    ("score2_op", "score2_region"),
}
"""Inputs that nothing of the record feeds: docs/scores.md says why."""


def test_every_input_is_fed_by_something_declared_with_its_source() -> None:
    features, known = load_features(), load_scores()
    made = {output.name for each in known.values() for output in each.outputs}
    unfed = set()
    for each in known.values():
        for entry in each.inputs:
            assert entry.description, f"{each.id}: {entry.name} is not defined"
            read = columns_of(entry.fed_by)
            of_features = {column for column in read if column in features}
            assert all(features[column].source for column in of_features)
            rest = {column.removesuffix("_date") for column in read} - set(features) - set(BASE_COLUMNS) - made
            if rest:
                unfed.add((each.id, entry.name))
    assert unfed == NOT_FED
