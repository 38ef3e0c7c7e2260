"""What holds of every score, whoever wrote it: rows, order, types, nulls with reasons, declarations that are whole."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.errors import DataContractError, UsageError
from pophealth.scores import compute, load_score, load_scores
from score_checks import flags_of, frame_of

SCORES = load_scores()
every_score = pytest.mark.parametrize("score_id", sorted(SCORES))

FLAG_KINDS = ("imputed", "clamped", "out_of_range", "missing", "not_applicable")
NEED_A_FILE = ("townsend",)
TYPES = {
    "bool": pl.Boolean,
    "int": pl.Int64,
    "float": pl.Float64,
    "category": pl.Enum,
    "text": pl.String,
    "list of text": pl.List(pl.String),
}


def outputs_only(score_id: str, frame: pl.DataFrame) -> pl.DataFrame:
    return compute(score_id, frame).select(output.name for output in SCORES[score_id].columns)


@every_score
def test_a_row_alone_gives_what_it_gives_in_a_batch(score_id: str) -> None:
    frame = frame_of(SCORES[score_id], 25, missing=0.03)
    batch = outputs_only(score_id, frame)
    alone = pl.concat([outputs_only(score_id, frame[row : row + 1]) for row in range(frame.height)])
    assert batch.equals(alone)


@every_score
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(0, 40))
@settings(max_examples=8, deadline=None)
def test_order_and_splitting_change_nothing(score_id: str, seed: int, cut: int) -> None:
    frame = frame_of(SCORES[score_id], 40, seed=seed, missing=0.05)
    whole = compute(score_id, frame)
    parts = pl.concat([compute(score_id, frame[:cut]), compute(score_id, frame[cut:])])
    assert parts.equals(whole)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed % 1000)
    assert compute(score_id, shuffled).sort("nhs_row").equals(whole)


@every_score
def test_a_large_batch_gives_what_a_small_one_gives(score_id: str) -> None:
    small = frame_of(SCORES[score_id], 50, seed=4)
    large = pl.concat([small] * 700)
    assert outputs_only(score_id, large).equals(pl.concat([outputs_only(score_id, small)] * 700))


@every_score
def test_columns_pass_through_and_the_input_stays_as_it_was(score_id: str) -> None:
    frame = frame_of(SCORES[score_id], 20)
    before = frame.clone()
    scored = compute(score_id, frame)
    assert frame.equals(before)
    assert scored.select(frame.columns).equals(frame)
    assert scored.columns == [*frame.columns, *(output.name for output in SCORES[score_id].columns)]
    assert scored[f"{score_id}_version"].unique().to_list() == [SCORES[score_id].version]


@every_score
@pytest.mark.parametrize("height", [0, 7])
def test_outputs_have_the_types_that_are_declared(score_id: str, height: int) -> None:
    scored = outputs_only(score_id, frame_of(SCORES[score_id], height))
    assert scored.height == height
    for output in SCORES[score_id].columns:
        assert scored.schema[output.name] == TYPES[output.dtype], output.name


@every_score
def test_nothing_known_gives_no_value_and_says_why(score_id: str) -> None:
    frame = frame_of(SCORES[score_id], 5, missing=1.1)
    scored = compute(score_id, frame)
    assert scored[SCORES[score_id].primary_output].null_count() == 5
    for flags in flags_of(scored, score_id):
        assert flags
        assert not [flag for flag in flags if flag.partition(":")[0] not in FLAG_KINDS]


@every_score
def test_a_null_has_a_reason_and_no_value_is_nan(score_id: str) -> None:
    frame = frame_of(SCORES[score_id], 400, seed=9, missing=0.02)
    scored = compute(score_id, frame)
    known = {entry.name for entry in SCORES[score_id].inputs}
    for value, flags in zip(scored[SCORES[score_id].primary_output], flags_of(scored, score_id), strict=True):
        assert value is not None or flags
        for flag in flags:
            kind, _, about = flag.partition(":")
            assert kind in FLAG_KINDS
            assert about in known or (kind == "not_applicable" and about.replace("_", "").isalnum()), flag
    for output in SCORES[score_id].outputs:
        if output.dtype == "float":
            assert not any(math.isnan(value) for value in scored[output.name].drop_nulls())


@every_score
@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 1e308, 1e-308, -1.0])
def test_a_number_that_no_measurement_gives_never_becomes_a_value_that_is_no_number(
    score_id: str, number: float
) -> None:
    frame = frame_of(SCORES[score_id], 20, seed=3, missing=0.0)
    floats = [output.name for output in SCORES[score_id].outputs if output.dtype == "float"]
    for entry in SCORES[score_id].inputs:
        if entry.dtype != "float":
            continue
        scored = compute(score_id, frame.with_columns(pl.lit(number).alias(entry.name)))
        assert all(scored[name].is_finite().fill_null(value=True).all() for name in floats), entry.name
        for value, flags in zip(scored[SCORES[score_id].primary_output], flags_of(scored, score_id), strict=True):
            assert value is not None or flags, entry.name


@every_score
def test_a_column_of_another_kind_is_refused_by_name(score_id: str) -> None:
    frame = frame_of(SCORES[score_id], 3, missing=0.0)
    for entry in SCORES[score_id].inputs:
        lists = pl.Series(entry.name, [[1], [2], [3]])
        dates = pl.Series(entry.name, ["2020-01-01"] * 3).str.to_date()
        for other in (lists, dates) if entry.dtype != "date" else (lists,):
            with pytest.raises(DataContractError, match=entry.name):
                compute(score_id, frame.with_columns(other))


@every_score
def test_the_primary_output_stays_within_its_range(score_id: str) -> None:
    score = SCORES[score_id]
    values = compute(score_id, frame_of(score, 2000, seed=2, missing=0.0))[score.primary_output].drop_nulls()
    assert values.len() > 0 or score_id in NEED_A_FILE
    if values.len() and values.dtype.is_numeric():
        assert score.range[0] - 1e-9 <= values.min() <= values.max() <= score.range[1] + 1e-9


@every_score
def test_an_unknown_label_is_refused(score_id: str) -> None:
    frame = frame_of(SCORES[score_id], 3, missing=0.0)
    for entry in SCORES[score_id].inputs:
        if entry.dtype == "category":
            with pytest.raises(DataContractError, match=entry.name) as caught:
                compute(score_id, frame.with_columns(pl.lit("not a label").alias(entry.name)))
            assert "not a label" not in str(caught.value)
        if entry.dtype == "bool":
            with pytest.raises(DataContractError, match=entry.name):
                compute(score_id, frame.with_columns(pl.lit(2).alias(entry.name)))
        if entry.dtype in ("int", "float"):
            with pytest.raises(DataContractError, match=entry.name):
                compute(score_id, frame.with_columns(pl.lit("about 70").alias(entry.name)))
        if entry.dtype == "int":
            with pytest.raises(DataContractError, match="whole number"):
                compute(score_id, frame.with_columns(pl.lit(64.5).alias(entry.name)))


@every_score
def test_an_absent_column_is_refused_by_name_unless_it_may_be_absent(score_id: str) -> None:
    frame = frame_of(SCORES[score_id], 3)
    for entry in SCORES[score_id].inputs:
        without = frame.drop(entry.name)
        if entry.optional:
            empty = frame.with_columns(pl.lit(None).alias(entry.name))
            assert outputs_only(score_id, without).equals(outputs_only(score_id, empty))
        else:
            with pytest.raises(DataContractError, match=entry.name):
                compute(score_id, without)


@every_score
def test_text_is_read_as_a_csv_writes_it(score_id: str) -> None:
    frame = frame_of(SCORES[score_id], 50, seed=5)
    lists = [entry.name for entry in SCORES[score_id].inputs if entry.dtype == "codes"]
    text = frame.with_columns(pl.col(name).list.join(";") for name in lists).select(pl.all().cast(pl.String))
    assert outputs_only(score_id, text).equals(outputs_only(score_id, frame))
    digits = text.with_columns(
        pl.col(entry.name).replace({"true": "1", "false": "0"})
        for entry in SCORES[score_id].inputs
        if entry.dtype == "bool"
    )
    assert outputs_only(score_id, digits).equals(outputs_only(score_id, frame))


@every_score
def test_the_declaration_is_whole(score_id: str) -> None:
    score = SCORES[score_id]
    assert score.primary_output in {output.name for output in score.outputs}
    names = [entry.name for entry in score.inputs]
    assert len(names) == len(set(names))
    assert score.source
    assert score.licence
    assert score.version
    assert score.range[0] < score.range[1]
    for entry in score.inputs:
        assert entry.missing
        assert entry.description
        assert entry.dtype != "category" or entry.allowed
        assert entry.dtype not in ("int", "float") or entry.unit, f"{entry.name} has no unit"
        # a flag may be absent as a whole only where it decides nothing about the value
        assert entry.dtype != "bool" or not entry.optional or entry.missing.startswith("no effect"), entry.name
        assert entry.dtype != "bool" or entry.name.startswith(("has_", "on_", "is_")), entry.name
    for option, value in score.line_options:
        assert option in {known.name for known in score.options}
        assert value is not None
    declared = {key: value for key, value in asdict(score).items() if key != "compute"}
    assert json.loads(json.dumps(declared))["id"] == score_id


def test_the_same_input_has_the_same_type_and_unit_in_every_score() -> None:
    seen: dict[str, tuple[str, str | None]] = {}
    for score in SCORES.values():
        for entry in score.inputs:
            kept = seen.setdefault(entry.name, (entry.dtype, entry.unit))
            assert kept == (entry.dtype, entry.unit), f"{score.id}: {entry.name}"


def test_no_two_scores_make_the_same_column() -> None:
    made = [output.name for score in SCORES.values() for output in score.columns]
    assert len(made) == len(set(made))


def test_an_unknown_score_or_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="qrisk3"):
        load_score("qrisk")
    with pytest.raises(UsageError, match="estimate_missing"):
        compute("qrisk3", frame_of(SCORES["qrisk3"], 1), {"estimate": True})
    with pytest.raises(UsageError, match="estimate_missing"):
        compute("qrisk3", frame_of(SCORES["qrisk3"], 1), {"estimate_missing": "perhaps"})
