"""Fitting: the same numbers as scikit-learn on the same columns; what cannot be learnt from is refused by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from model_rows import PREDICTORS, SMALL_TREES, people, spec_of
from pophealth.declare.model_parts import EstimatorSpec
from pophealth.errors import DataContractError, DeclarationError
from pophealth.prediction.apply import predict, raw_scores
from pophealth.prediction.calibration import KNOTS, calibration_of, spline
from pophealth.prediction.fit import fit
from pophealth.prediction.fit_binary import happened_within, sampled
from pophealth.prediction.fitted import FittedModel, Stacked
from pophealth.prediction.inputs import Matrices, column_names, learn_inputs
from pophealth.prediction.metrics import auroc_of

FRAME = people(6_000)
LOGISTIC = spec_of("logistic")


def fitted(kind: str = "logistic", frame: pl.DataFrame = FRAME, **settings: object) -> FittedModel:
    return fit(frame, LOGISTIC, EstimatorSpec(kind, settings), seed=1)


def test_what_is_stored_of_each_predictor() -> None:
    age, bmi, sex, diabetes, admissions = learn_inputs(FRAME, PREDICTORS)
    assert (age.dtype, bmi.dtype, sex.dtype, diabetes.dtype) == ("Int16", "Float64", "category", "Boolean")
    assert bmi.fill_value == FRAME["bmi_latest_kg_m2"].median()
    assert bmi.missing_share == pytest.approx(0.2, abs=0.02)
    assert [column.name for column in bmi.columns] == ["bmi_latest_kg_m2", "bmi_latest_kg_m2 missing"]
    assert (sex.levels, sex.fill_value) == (("female", "male", "other"), "female")
    assert [column.name for column in sex.columns] == ["sex=male", "sex=other"]
    assert diabetes.fill_value is False
    assert admissions.missing_share == 0


def test_columns_are_standardised_and_missing_ones_filled() -> None:
    inputs = learn_inputs(FRAME, PREDICTORS)
    rows = Matrices(inputs, FRAME.select(PREDICTORS))
    assert rows.filled.mean(axis=0) == pytest.approx(np.zeros(7), abs=1e-12)
    assert rows.filled.std(axis=0) == pytest.approx(np.ones(7), abs=1e-12)
    assert column_names(inputs, native=True) == (
        "age_years",
        "bmi_latest_kg_m2",
        "sex=male",
        "sex=other",
        "has_diabetes",
        "emergency_admissions_12m",
    )
    assert np.isnan(rows.native[:, 1]).sum() == FRAME["bmi_latest_kg_m2"].null_count()


def test_logistic_regression_is_scikit_learns_on_the_same_columns() -> None:
    frame = people(3_000, lost=0.0)
    model = fitted(frame=frame, C=0.5)
    age = frame["age_years"].cast(pl.Float64)
    bmi = frame["bmi_latest_kg_m2"]
    levels = frame["sex"].cast(pl.String).value_counts(sort=True)["sex"].to_list()
    columns = [
        age,
        bmi.fill_null(bmi.median()),
        bmi.is_null().cast(pl.Float64),
        *(
            (frame["sex"].cast(pl.String) == level).cast(pl.Float64) for level in sorted(levels[1:])
        ),  # without the most frequent
        frame["has_diabetes"].cast(pl.Float64),
        frame["emergency_admissions_12m"].cast(pl.Float64),
    ]
    matrix = np.column_stack([(column - column.mean()) / column.std(ddof=0) for column in columns])
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=1_000).fit(matrix, frame["event"].to_numpy())
    assert predict(model, frame).to_numpy() == pytest.approx(theirs.predict_proba(matrix)[:, 1], abs=1e-6)


@pytest.mark.parametrize("kind", ["logistic", "gradient_boosting"])
def test_people_lost_from_sight_are_stood_in_for(kind: str) -> None:
    """Leaving a quarter of people out as non-events would halve the risk; weighing does not."""
    whole, some = people(12_000, lost=0.0), people(12_000, lost=0.6)
    settings = SMALL_TREES if kind == "gradient_boosting" else {}
    risk = predict(fitted(kind, some, **settings), some).to_numpy()
    assert risk.mean() == pytest.approx(float(whole["event"].mean()), abs=0.012)


def test_who_died_without_the_event_is_known_not_to_have_it() -> None:
    frame = pl.DataFrame(
        {
            "event": [True, False, False, False],
            "months_at_risk": [3.0, 6.0, 6.0, 12.0],
            "ended_by": ["event", "death", "left", "window"],
        }
    )
    assert happened_within(frame, 12).known.tolist() == [True, True, False, True]
    assert happened_within(frame.drop("ended_by"), 12).known.tolist() == [True, False, False, True]


def test_an_event_after_the_horizon_is_none_within_it() -> None:
    frame = pl.DataFrame({"event": [True, True], "months_at_risk": [3.0, 15.0]})
    assert happened_within(frame, 12).event.tolist() == [True, False]


@pytest.mark.parametrize("kind", ["logistic", "gradient_boosting", "discrete_hazard", "cox", "weibull", "stack"])
def test_every_estimator_finds_the_risks_people_were_made_with(kind: str) -> None:
    spec = spec_of("cox", "discrete_hazard", "stack") if kind == "stack" else LOGISTIC
    model = fit(FRAME, spec, EstimatorSpec(kind), seed=1)
    new = people(20_000, seed=9, lost=0.0)
    outcome, risk = new["event"].to_numpy(), predict(model, new).to_numpy()
    ones = np.ones(new.height, np.int64)
    found = calibration_of(outcome, risk, ones)
    assert found.slope == pytest.approx(1.0, abs=0.15)
    assert found.in_the_large == pytest.approx(0.0, abs=0.015)
    assert auroc_of(outcome, risk, ones) > 0.72


def test_the_same_seed_gives_the_same_trees_on_any_number_of_threads() -> None:
    one, two = (
        fit(FRAME, LOGISTIC, EstimatorSpec("gradient_boosting", SMALL_TREES), seed=4, threads=threads)
        for threads in (1, 2)
    )
    assert raw_scores(one, FRAME).to_list() == raw_scores(two, FRAME).to_list()


def test_a_stack_weighs_members_by_what_they_said_of_unseen_people() -> None:
    spec = spec_of("logistic", "gradient_boosting", "stack", settings={"gradient_boosting": SMALL_TREES})
    model = fit(FRAME, spec, EstimatorSpec("stack"), seed=1)
    assert isinstance(model.body, Stacked)
    assert [kind for kind, _ in model.body.members] == ["logistic", "gradient_boosting"]
    assert min(model.body.weights) >= 0
    assert sum(model.body.weights) == pytest.approx(1.0, abs=0.3)
    with pytest.raises(DataContractError, match="at least 2 folds, found 1"):
        fit(FRAME.with_columns(fold=pl.lit(0)), spec, EstimatorSpec("stack"), seed=1)


@pytest.mark.parametrize("kind", ["logistic", "gradient_boosting", "cox", "weibull", "discrete_hazard"])
def test_a_sample_of_very_many_rows_stands_for_all(kind: str) -> None:
    """Events are kept in a larger share than the rest, and weighed down again."""
    many = people(16_000, seed=3, lost=0.0)
    model = fitted(kind, many, max_rows=4_000, **(SMALL_TREES if kind == "gradient_boosting" else {}))
    risk = predict(model, many).to_numpy()
    assert risk.mean() == pytest.approx(float(many["event"].mean()), abs=0.02)
    assert auroc_of(many["event"].to_numpy(), risk, np.ones(many.height, np.int64)) > 0.72


def test_how_many_are_sampled() -> None:
    happened = happened_within(people(16_000, lost=0.3), 12)
    some = sampled(happened, 4_000, 1)
    assert int(some.known.sum()) == pytest.approx(4_000, rel=0.05)
    assert not (some.known & ~happened.known).any()
    share = some.event[some.known].mean()
    assert share > 1.5 * happened.event[happened.known].mean()
    weighed = np.average(some.event[some.known], weights=some.weight[some.known])
    assert weighed == pytest.approx(
        np.average(happened.event[happened.known], weights=happened.weight[happened.known]), abs=0.02
    )
    assert sampled(happened, 16_000, 1) is happened


def test_facts_of_the_training_are_kept() -> None:
    model = fitted(C=0.2)
    assert model.training["rows"] == 6_000
    assert model.training["events"] == int(FRAME["event"].sum())
    assert model.training["index_dates"] == ["2024-04-01"]
    assert model.training["settings"]["C"] == 0.2
    assert set(model.reference) == {*PREDICTORS, "risk"}
    assert (model.spec_id, model.spec_version, model.horizon_months) == ("for_tests", 3, 12)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (
            pl.lit(value=False).alias("has_diabetes"),
            "1 of 5 predictors have one value for everybody in 6,000 rows: has_diabetes",
        ),
        (
            pl.lit(None, pl.Float64).alias("bmi_latest_kg_m2"),
            "1 of 5 predictors have no value at all.*: bmi_latest_kg_m2",
        ),
        (pl.lit(value=False).alias("event"), "nobody had the event"),
        (pl.lit(value=True).alias("event"), "everybody had the event"),
        (pl.lit(-1.0).alias("months_at_risk"), "6,000 have a time at risk"),
        (pl.lit(float("inf")).alias("bmi_latest_kg_m2"), "bmi_latest_kg_m2: 6,000 of 6,000 values are infinite"),
        (
            pl.col("index_date").alias("sex"),
            "predictor sex: a model takes numbers, truth values and categories, found Date",
        ),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_by_name(column: pl.Expr, words: str) -> None:
    frame = FRAME.with_columns(column)
    if column.meta.output_name() == "event":
        frame = frame.with_columns(months_at_risk=pl.lit(12.0))
    with pytest.raises(DataContractError, match=words):
        fitted(frame=frame)


@pytest.mark.parametrize("kind", ["cox", "weibull", "discrete_hazard", "stack"])
def test_survival_models_need_an_event_and_nobody_who_reached_the_end(kind: str) -> None:
    nobody = FRAME.with_columns(event=pl.lit(value=False))
    with pytest.raises(DataContractError, match="nobody had the event"):
        fitted(kind, nobody)
    everybody = FRAME.filter("event")
    if kind == "discrete_hazard":
        with pytest.raises(DataContractError, match="in 1 of 4 intervals nobody, or everybody"):
            fitted(kind, everybody)
    elif kind != "stack":
        assert predict(fitted(kind, everybody), everybody).is_between(0, 1).all()


@pytest.mark.parametrize("kind", ["cox", "weibull", "discrete_hazard"])
def test_a_level_of_whom_nobody_had_the_event_stops_no_fit(kind: str) -> None:
    """Its likelihood would grow without end; such people have the risk that all else about them gives."""
    rare = (pl.col("sex").cast(pl.String) == "other") & (pl.int_range(pl.len()) % 10 == 0)
    frame = FRAME.with_columns(
        sex=pl.when(rare).then(pl.lit("rare")).otherwise(pl.col("sex").cast(pl.String)).cast(pl.Categorical),
        event=pl.col("event") & ~rare,
    )
    model = fitted(kind, frame)
    names = column_names(model.inputs)
    assert "sex=rare" in names
    if kind != "discrete_hazard":  # penalised: it ends somewhere
        assert model.body.coefficients[names.index("sex=rare")] == 0
    assert predict(model, frame.filter(rare)).is_between(0.001, 0.999).all()


def test_a_part_of_a_frame_may_be_constant_where_the_whole_is_not() -> None:
    part = FRAME.filter(~pl.col("has_diabetes"))
    for kind in ("logistic", "gradient_boosting", "cox", "discrete_hazard"):
        model = fit(
            part,
            LOGISTIC,
            EstimatorSpec(kind, SMALL_TREES if kind == "gradient_boosting" else {}),
            seed=1,
            allow_constant=True,
        )
        assert predict(model, FRAME).is_between(0, 1).all()


def test_a_missing_column_and_an_empty_frame_are_refused() -> None:
    with pytest.raises(DataContractError, match="without the columns \\['event'\\]"):
        fitted(frame=FRAME.drop("event"))
    with pytest.raises(DataContractError, match="1 of 5 predictors are not in it: sex"):
        fitted(frame=FRAME.drop("sex"))
    with pytest.raises(DataContractError, match="no rows"):
        fitted(frame=FRAME.head(0))


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("logistic", {"c": 1.0}, "unknown setting 'c'; known are C, C_among, l1_ratio, max_iter"),
        ("logistic", {"C_among": [1.0, 0.0, True]}, r"C_among is numbers above 0, found \[0.0, True\]"),
        ("logistic", {"C": "1"}, "C is float, found '1'"),
        ("gradient_boosting", {"max_iter": True}, "max_iter is int, found True"),
        ("cox", {"baseline": "kernel"}, "baseline is breslow or spline, found 'kernel'"),
        ("stack", {"members": ["stack"]}, "members are other estimators"),
    ],
)
def test_a_setting_nobody_reads_is_refused(kind: str, settings: dict[str, object], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        fitted(kind, **settings)


def test_a_lasso_leaves_out_what_says_nothing() -> None:
    noise = FRAME.with_columns(noise=pl.Series(np.random.default_rng(3).normal(size=FRAME.height)))
    spec = replace(LOGISTIC, predictors=(*PREDICTORS, "noise"))
    model = fit(noise, spec, EstimatorSpec("logistic", {"C": 0.01, "l1_ratio": 1.0, "max_iter": 2_000}), seed=1)
    assert model.body.coefficients[-1] == 0.0
    assert model.body.coefficients[0] > 0.5


def test_a_chosen_penalty_keeps_risks_of_unseen_people_from_being_too_extreme() -> None:
    """Many columns that say nothing and few events: one penalty for all sizes overfits, a chosen one does not."""
    rng = np.random.default_rng(5)
    names = [f"noise_{number}" for number in range(60)]

    def noisy(size: int, seed: int) -> pl.DataFrame:
        return people(size, seed=seed).with_columns(pl.Series(name, rng.normal(size=size)) for name in names)

    learn, unseen = noisy(1_000, 11), noisy(20_000, 12)
    spec = replace(LOGISTIC, predictors=(*PREDICTORS, *names))
    among = [1.0, 0.1, 0.03, 0.01, 0.003]
    plain = fit(learn, spec, EstimatorSpec("logistic"), seed=1)
    chosen = fit(learn, spec, EstimatorSpec("logistic", {"C_among": among}), seed=1)
    seen = happened_within(unseen, 12)
    slopes = [
        calibration_of(seen.event, predict(model, unseen).to_numpy(), seen.weight).slope for model in (plain, chosen)
    ]
    assert slopes[0] < 0.75
    assert slopes[1] == pytest.approx(1.0, abs=0.15)
    assert chosen.training["settings"]["C"] in among[1:]
    with pytest.raises(DataContractError, match="no column fold"):
        fit(learn.drop("fold"), spec, EstimatorSpec("logistic", {"C_among": among}), seed=1)


def test_the_chosen_penalty_is_the_one_a_slow_search_finds() -> None:
    among = [10.0, 0.1, 0.001]
    frame = people(1_500, seed=3, lost=0.0)
    matrix, event = (
        Matrices(learn_inputs(frame, PREDICTORS), frame.select(PREDICTORS)).filled,
        frame["event"].to_numpy(),
    )
    fold, losses = frame["fold"].to_numpy(), {}
    for strength in among:
        unseen = np.empty(event.size)
        for part in range(5):
            model = LogisticRegression(C=strength, tol=1e-8).fit(matrix[fold != part], event[fold != part])
            unseen[fold == part] = model.predict_proba(matrix[fold == part])[:, 1]
        losses[strength] = -np.log(np.where(event, unseen, 1 - unseen)).mean()
    chosen = fitted(frame=frame, C_among=among)
    assert chosen.training["settings"]["C"] == min(losses, key=losses.__getitem__)
    again = fitted(frame=frame, C=chosen.training["settings"]["C"])
    assert chosen.body.coefficients == pytest.approx(again.body.coefficients, abs=1e-12)


def test_a_penalty_cannot_be_chosen_where_one_part_holds_every_event_and_is_the_strongest() -> None:
    frame = people(400, lost=0.0).with_columns(fold=pl.when("event").then(0).otherwise(1).cast(pl.Int8))
    assert fitted(frame=frame, C_among=[1.0, 0.01]).training["settings"]["C"] == 0.01


def test_a_curve_is_the_restricted_cubic_spline_and_straight_beyond_its_knots() -> None:
    frame = people(2_000, seed=4)
    (age,) = learn_inputs(frame, ["age_years"], curved=["age_years"])
    assert [column.kind for column in age.columns] == ["value", "curve", "curve"]
    assert [column.name for column in age.values] == ["age_years"], "trees bend by themselves"
    years = frame["age_years"].to_numpy().astype(float)
    terms = spline(years, np.quantile(years, KNOTS))[:, 1:]
    expected = (terms - terms.mean(axis=0)) / terms.std(axis=0)
    assert Matrices((age,), frame.select("age_years")).filled == pytest.approx(expected, abs=1e-9)
    old = Matrices((age,), pl.DataFrame({"age_years": pl.Series([97, 98, 99], dtype=pl.Int16)})).filled
    assert old[2] - old[1] == pytest.approx(old[1] - old[0], abs=1e-9)
    unknown = pl.DataFrame({"age_years": pl.Series([None, int(age.fill_value)], dtype=pl.Int16)})
    assert np.array_equal(*Matrices((age,), unknown).filled)
    with pytest.raises(DataContractError, match="1 of 1 curved predictors are no numbers: sex"):
        learn_inputs(frame, ["sex"], curved=["sex"])
    two = frame.with_columns(age_years=pl.when(pl.col("age_years") > 50).then(60).otherwise(30))
    (straight,) = learn_inputs(two, ["age_years"], curved=["age_years"])
    assert [column.kind for column in straight.columns] == ["value"], "two values have no curve"


def test_a_curve_tells_the_oldest_their_risk() -> None:
    rng = np.random.default_rng(8)
    frame = people(12_000, seed=9, lost=0.0)
    age = frame["age_years"].to_numpy()
    risk = 0.03 + 0.5 * np.clip((age - 60) / 35, 0, 1) ** 2
    frame = frame.with_columns(event=pl.Series(rng.random(age.size) < risk), months_at_risk=pl.lit(12.0))
    old = age >= 85
    gaps = {}
    for curved in ((), ("age_years",)):
        model = fit(frame, replace(LOGISTIC, curved=curved), EstimatorSpec("logistic"), seed=1)
        gaps[curved] = abs(predict(model, frame).to_numpy()[old].mean() - risk[old].mean())
    assert gaps[()] > 0.08
    assert gaps["age_years",] < 0.03
