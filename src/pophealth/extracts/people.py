"""Gives who the people of a part are: each once, under one practice, dead or objecting where any of their records says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from pophealth.extracts import nhs_number
from pophealth.extracts.columns import column_types, completed, typed
from pophealth.extracts.layout import Rows
from pophealth.extracts.merges import latest_per_key, survivors
from pophealth.extracts.quarantine import Measures, contract_rules, date_rules
from pophealth.pseudonyms import pseudonyms
from pophealth.tables import PERSON_TABLES
from pophealth.terms import EARLIEST_DAY

QUARANTINED = "person_quarantined"
DUPLICATE_NUMBER, DUPLICATE_KEY = "duplicate_nhs_number", "duplicate_patient_id"
DEATH_UNUSABLE = "death_date_unusable"
TYPE_1, OPT_OUT_UNREADABLE = "type_1_opt_out", "opt_out_unreadable"

ELSEWHERE = {
    "identity": pl.UInt64(),
    "is_lost": pl.Boolean(),
    "objects": pl.Boolean(),
    "death": pl.Date(),
}
"""What other parts know of people who stand in this one too: whether they are counted there, objected or died."""


@dataclass(frozen=True)
class Census:
    """The people of one part.

    `patients`: every row of the patients table, by key, with one column ``!<rule>`` per rule, true where broken.
    `people`: one row per person, that is, per key that was not merged away. `keys`: every key with the key it stands
    for (``owner``) and the rule it breaks (``fault``).
    """

    patients: pl.DataFrame
    people: pl.DataFrame
    keys: pl.DataFrame


def gathered(rows: Iterable[Rows]) -> dict[str, list[Rows]]:
    """Give the rows of a part's person tables by table; the tables are there even when they are empty."""
    found: dict[str, list[Rows]] = {name: [] for name in PERSON_TABLES}
    for piece in rows:
        found.setdefault(piece.table, []).append(piece)
    return found


def take_census(rows: dict[str, list[Rows]], measures: Measures, elsewhere: pl.DataFrame | None = None) -> Census:
    """Give the people of a part.

    Parameters
    ----------
    elsewhere
        Columns of `ELSEWHERE`: people who stand in several parts. None while that is not yet known.
    """
    patients = _judged_patients(_table(rows, "patients", sources=True), measures)
    keys = _keys(patients, _valid(_table(rows, "merges"), "merges", measures))
    own = keys.filter(pl.col("key") == pl.col("owner")).select("key")
    people = (
        patients.filter("is_first")
        .rename({"patient_id": "key"})
        .join(own, on="key", how="semi")
        .join(_stays(_table(rows, "registrations"), keys, measures), on="key", how="left", maintain_order="left")
        .join(_objections(_table(rows, "opt_outs"), keys, measures), on="key", how="left", maintain_order="left")
    )
    people = people.join(_deaths(_table(rows, "deaths"), keys, people), on="key", how="left", maintain_order="left")
    return Census(patients, _settled(people, elsewhere), keys)


def _table(rows: dict[str, list[Rows]], table: str, *, sources: bool = False) -> pl.DataFrame:
    empty = pl.DataFrame(schema=column_types(table))
    frames = [empty]
    for piece in rows[table]:
        frame = completed(typed(piece), table)
        frames.append(frame.with_columns(_source=pl.lit(piece.source)) if sources else frame)
    return pl.concat(frames, how="diagonal")


def _valid(frame: pl.DataFrame, table: str, measures: Measures) -> pl.DataFrame:
    """Give the rows that pass the contract and the rules on dates that need no person."""
    rules = contract_rules(table, frame.columns) | date_rules(table, measures.extract_date)
    mine = [rule.fill_null(value=True) for rule in rules.values()]
    return frame.filter(pl.all_horizontal(mine))


def _judged_patients(frame: pl.DataFrame, measures: Measures) -> pl.DataFrame:
    frame = frame.with_columns(nhs_number=nhs_number.normalised(pl.col("nhs_number")))
    rules = (
        contract_rules("patients", frame.columns)
        | date_rules("patients", measures.extract_date)
        | nhs_number.rules(pl.col("nhs_number"), synthetic=measures.synthetic)
    )
    flagged = frame.with_columns((~rule.fill_null(value=True)).alias(f"!{name}") for name, rule in rules.items())
    layout_fails = pl.col("_fails").is_not_null() if "_fails" in frame.columns else pl.lit(value=False)
    judged = flagged.with_columns(is_faulty=pl.any_horizontal(*(f"!{name}" for name in rules), layout_fails))
    # of several rows with one key the first that breaks no rule counts, in an order that no file order changes
    ordered = judged.sort(
        "patient_id", "is_faulty", *(name for name in column_types("patients") if name != "patient_id")
    )
    is_first = pl.col("patient_id").is_first_distinct() & pl.col("patient_id").is_not_null()
    return ordered.with_columns(is_first=is_first).with_columns(
        (pl.col("patient_id").is_not_null() & ~pl.col("is_first")).alias(f"!{DUPLICATE_KEY}")
    )


def _keys(patients: pl.DataFrame, merges: pl.DataFrame) -> pl.DataFrame:
    """Give key, owner, fault for every key of the patients table and every merged one."""
    known = patients["patient_id"].drop_nulls().unique()
    step = latest_per_key(merges.select("patient_id", "into_patient_id", "merged_date").iter_rows())
    ends, faults = survivors(step.items(), set(known) if step else ())
    keys = pl.concat([known, pl.Series("patient_id", list(step), dtype=pl.String)]).unique().sort().alias("key")
    end = pl.DataFrame({"key": list(ends), "owner": list(ends.values())}, schema={"key": pl.String, "owner": pl.String})
    fault = pl.DataFrame(
        {"key": list(faults), "fault": list(faults.values())}, schema={"key": pl.String, "fault": pl.String}
    )
    return (
        keys.to_frame()
        .join(end, on="key", how="left", maintain_order="left")
        .join(fault, on="key", how="left", maintain_order="left")
        .with_columns(owner=pl.when(pl.col("fault").is_null()).then(pl.coalesce("owner", "key")))
    )


def _stays(registrations: pl.DataFrame, keys: pl.DataFrame, measures: Measures) -> pl.DataFrame:
    """Give the practice of each person: of the latest registration, regular ones first, ties by end, then by code."""
    return (
        _valid(registrations, "registrations", measures)
        .join(keys, left_on="patient_id", right_on="key")
        .filter(pl.col("owner").is_not_null())
        .with_columns(
            is_regular=pl.col("registration_type").cast(pl.String) == "regular", is_open=pl.col("end_date").is_null()
        )
        .sort(
            "owner", "is_regular", "start_date", "is_open", "end_date", "practice_code",
            descending=[False, True, True, True, True, False],
        )
        .unique("owner", keep="first", maintain_order=True)
        .select(key="owner", practice="practice_code", is_regular="is_regular", since="start_date")
    )  # fmt: skip


def _objections(opt_outs: pl.DataFrame, keys: pl.DataFrame, measures: Measures) -> pl.DataFrame:
    """Give the people whose records may not be used at all. An objection is believed even where its dates are damaged."""
    ended = (pl.col("end_date") <= measures.extract_date).fill_null(value=False)
    type_1 = (pl.col("opt_out_type").cast(pl.String) == "type_1") & ~ended
    unclear = pl.col("opt_out_type").is_null() | (pl.col("start_date").is_null() & ~ended)
    return (
        opt_outs.filter(pl.lit(measures.section_251))
        .join(keys, left_on="patient_id", right_on="key")
        .filter(pl.col("owner").is_not_null())
        .group_by("owner")
        .agg(objects=type_1.fill_null(value=False).any(), is_unclear=unclear.any())
        .rename({"owner": "key"})
    )


def _deaths(deaths: pl.DataFrame, keys: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Give the first usable date of death, and whether there is a death without one.

    A death after the extract is believed like any other: writing to the dead is the greater harm.
    """
    day = pl.col("death_date")
    usable = (day > EARLIEST_DAY) & (day >= pl.col("birth_date")).fill_null(value=True)
    return (
        deaths.join(keys, left_on="patient_id", right_on="key")
        .join(people.select("key", "birth_date"), left_on="owner", right_on="key")
        .with_columns(day=pl.when(usable).then(day))
        .group_by("owner")
        .agg(death=pl.col("day").min())
        .select(key="owner", death="death", is_undated=pl.col("death").is_null())
    )


def _settled(people: pl.DataFrame, elsewhere: pl.DataFrame | None) -> pl.DataFrame:
    """Give the people with what holds for everyone of the same NHS number, and the rule or reason that keeps them out."""
    text = pl.coalesce("nhs_number", "key")
    known = people.with_columns(
        pl.col("objects", "is_unclear", "is_undated").fill_null(value=False),
        # a faulty row has nothing to say about the person of its number: it stands alone
        identity_text=pl.when(pl.col("is_faulty")).then(pl.lit("faulty ") + pl.col("key")).otherwise(text),
    ).with_columns(identity=pl.col("identity_text").hash())
    if elsewhere is not None:
        known = known.join(
            elsewhere.rename({"objects": "objects_there", "death": "death_there"}),
            on="identity", how="left", maintain_order="left",
        )  # fmt: skip
    else:
        known = known.with_columns(
            is_lost=pl.lit(value=False), objects_there=pl.lit(value=False), death_there=pl.lit(None, dtype=pl.Date)
        )
    ranked = known.sort(
        "identity_text", "is_regular", "since", "key", descending=[False, True, True, False], nulls_last=True
    ).with_columns(
        death=pl.min_horizontal(pl.col("death").min().over("identity_text"), "death_there"),
        objects=pl.col("objects").any().over("identity_text") | pl.col("objects_there").fill_null(value=False),
        is_second=~pl.col("identity_text").is_first_distinct() | pl.col("is_lost").fill_null(value=False),
    )
    duplicate = pl.when(pl.col("nhs_number").is_null()).then(pl.lit(DUPLICATE_KEY)).otherwise(pl.lit(DUPLICATE_NUMBER))
    rule = (
        pl.when(pl.col("is_faulty"))
        .then(pl.lit(QUARANTINED))
        .when(pl.col("is_second"))
        .then(duplicate)
        .when(pl.col("is_undated") & pl.col("death").is_null())
        .then(pl.lit(DEATH_UNUSABLE))
    )
    scope = pl.when("objects").then(pl.lit(TYPE_1)).when("is_unclear").then(pl.lit(OPT_OUT_UNREADABLE))
    return ranked.with_columns(person_rule=rule, person_scope=scope).sort("key")


def with_pseudonyms(census: Census, key: bytes, objecting: frozenset[str]) -> Census:
    """Give the census with a column ``pseudonym``; who is on a list of objections is out of scope like any objector.

    Parameters
    ----------
    key
        Of the purpose (`pseudonyms.purpose_key`).
    objecting
        Pseudonyms of everyone on the site's own list of type 1 objections.
    """
    names = pl.Series("pseudonym", pseudonyms(key, census.people["identity_text"]), dtype=pl.String)
    listed = pl.when(pl.col("pseudonym").is_in(sorted(objecting))).then(pl.lit(TYPE_1))
    people = census.people.with_columns(names).with_columns(person_scope=pl.coalesce(listed, "person_scope"))
    return Census(census.patients, people, census.keys)


def index_of(census: Census) -> pl.DataFrame:
    """Give one row per key with what a row of that key needs to know of its person.

    Returns
    -------
    DataFrame
        key; ``_person`` (uint32, the same for all keys of a person), ``_pseudonym``, ``_practice`` (null: none known),
        ``_birth``, ``_death``, ``_person_rule`` (the rule for which all rows of the person are quarantined, or null) and
        ``_person_scope`` (the reason for which all are out of scope, or null).
    """
    people = census.people.with_row_index("_person").select(
        "_person",
        owner="key",
        _pseudonym="pseudonym",
        _practice="practice",
        _birth="birth_date",
        _death="death",
        person_rule="person_rule",
        _person_scope="person_scope",
    )
    return (
        census.keys.join(people, on="owner", how="left", maintain_order="left")
        .with_columns(_person_rule=pl.coalesce("fault", "person_rule"))
        .drop("owner", "fault", "person_rule")
    )
