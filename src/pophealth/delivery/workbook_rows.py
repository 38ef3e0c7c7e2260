"""Gives the rows of a workbook's sheets out of a parcel: text that is text, dates that are dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.terms import EVIDENCE_WORDS, SERVICES, Evidence, Status

if TYPE_CHECKING:
    from pophealth.delivery.parcel import Parcel

_YES = "yes"
_LISTED = pl.col("status").cast(pl.String) == Status.LISTED.value


def worklist_rows(parcel: Parcel) -> pl.DataFrame:
    """Give the merged worklist in the columns of `workbook_layout.WORKLIST_COLUMNS`, actions left empty."""
    rules: dict[str, Any] = parcel.summary["rules"]
    titles = {rule_id: f"{rule['catalogue_id']} {titled(rule)}" for rule_id, rule in rules.items()}
    rows = parcel.worklist
    lists = (
        rows.select("patient_id", "rules", "tier_labels")
        .explode("rules", "tier_labels")
        .with_columns(title=pl.col("rules").replace_strict(titles, default=pl.col("rules"), return_dtype=pl.String))
        .group_by("patient_id", maintain_order=True)
        .agg(lists=pl.format("{} ({})", "title", pl.col("tier_labels").fill_null("-")).str.join("; "))
    )
    return rows.join(lists, on="patient_id", how="left", maintain_order="left").with_columns(
        pl.col("place").cast(pl.String).str.replace("_", " "),
        urgent=_said("is_urgent"),
        new=_said("is_new"),
        nhs_number=grouped_number(),
        sex=pl.col("sex").cast(pl.String).str.replace("_", " "),
        roles=_words("roles"),
        services=pl.col("services").list.eval(pl.element().replace(SERVICES)).list.join("; "),
        rule_ids=pl.col("rules").list.join("; "),
    )


def listed_by_service(parcel: Parcel) -> dict[str, int]:
    """Give, for each service that lists somebody, how many rows it lists."""
    counts = dict(parcel.members.filter(_LISTED).group_by(pl.col("service").cast(pl.String)).len().iter_rows())
    return {service: counts[service] for service in SERVICES if service in counts}


def service_rows(parcel: Parcel, service: str) -> pl.DataFrame:
    """Give the rows of one service in the columns of `workbook_layout.SERVICE_COLUMNS`, actions left empty."""
    rules: dict[str, Any] = parcel.summary["rules"]
    facts = pl.DataFrame(
        [(rule_id, titled(rule), rule.get("role", "")) for rule_id, rule in rules.items()],
        {"rule_id": pl.String, "title": pl.String, "role": pl.String},
        orient="row",
    )
    urgent = pl.DataFrame(
        [
            (rule_id, number)
            for rule_id, rule in rules.items()
            for number, tier in enumerate(rule.get("declared_tiers", ()), start=1)
            if tier["urgent"]
        ],
        {"rule_id": pl.String, "tier": pl.Int8},
        orient="row",
    ).with_columns(urgent=pl.lit(_YES))
    people = parcel.patients.select("patient_id", "age_years", pl.col("sex").cast(pl.String), "imd_quintile")
    keys = ["patient_id", "rule_id"]
    members = parcel.members.filter(_LISTED, pl.col("service").cast(pl.String) == service)
    here = pl.col("rule_id").cast(pl.String).is_in(members["rule_id"].cast(pl.String).unique().implode())
    return (
        members.with_columns(
            pl.col("rule_id", "service", "catalogue_id", "tier_label", "practice_code").cast(pl.String)
        )
        .join(facts, on="rule_id", how="left", maintain_order="left")
        .join(urgent, on=["rule_id", "tier"], how="left", maintain_order="left")
        .join(people, on="patient_id", how="left", maintain_order="left")
        .join(_records(parcel.evidence.filter(here)), on=keys, how="left", maintain_order="left")
        .with_columns(
            pl.col("place").cast(pl.String).str.replace("_", " "),
            new=_said("is_new"),
            nhs_number=grouped_number(),
            sex=pl.col("sex").str.replace("_", " "),
            role=pl.col("role").str.replace_all("_", " "),
            why=_words("reasons"),
        )
        .sort("catalogue_id", "rank", "patient_id", "rule_id")
    )


def titled(rule: dict[str, Any]) -> str:
    """Give a rule's title; one that rests on general knowledge says that it is to be confirmed."""
    to_confirm = Evidence.TO_BE_CONFIRMED.value in rule.get("evidence", ())
    return f"{rule['title']} ({EVIDENCE_WORDS[Evidence.TO_BE_CONFIRMED]})" if to_confirm else str(rule["title"])


def grouped_number() -> pl.Expr:
    """Give an NHS number as text in groups of three, three and four digits."""
    number = pl.col("nhs_number").cast(pl.String)
    return pl.format("{} {} {}", number.str.slice(0, 3), number.str.slice(3, 3), number.str.slice(6)).alias(
        "nhs_number"
    )


def _said(column: str) -> pl.Expr:
    """Give a yes that can be read in black and white, and nothing for no."""
    return pl.when(pl.col(column)).then(pl.lit(_YES))


def _words(column: str) -> pl.Expr:
    return pl.col(column).list.join("; ").str.replace_all("_", " ").replace("", None)


def _records(evidence: pl.DataFrame) -> pl.DataFrame:
    """Give the latest dated record behind each person and rule, in words."""
    value = pl.when(pl.col("value").is_not_null()).then(
        pl.format(" = {} {}", pl.col("value").round(2), pl.col("unit").cast(pl.String).fill_null(""))
    )
    words = pl.coalesce(pl.col("term").cast(pl.String), pl.col("code"), pl.col("table").cast(pl.String))
    return (
        evidence.filter(pl.col("date").is_not_null())
        .with_columns(pl.col("rule_id", "criterion").cast(pl.String))
        .sort("date", "criterion", "record_id")
        .unique(["patient_id", "rule_id"], keep="last", maintain_order=True)
        .select(
            "patient_id",
            "rule_id",
            record_date=pl.col("date"),
            record=pl.concat_str(words, value.fill_null("")).str.strip_chars_end(),
        )
    )
