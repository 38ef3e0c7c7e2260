"""Gives the rows of a worklist as HTML: who, what for and why, who can help. Each text is escaped where it is put in.

A worklist has thousands of rows of several hundred texts each, so they are put together column by column; whatever is said
of a list, a tier or a role is put together once. `tests/test_support/plain_rows.py` holds the same as a template, which
takes twenty times as long and gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from markupsafe import Markup

from pophealth.delivery.pages import words
from pophealth.delivery.pages.people import is_urgent, knows_seen, needs_of, people_of, said, tier_words, with_tiers
from pophealth.delivery.pages.reasons import reasons_of
from pophealth.delivery.pages.services import rules_address

if TYPE_CHECKING:
    from pophealth.delivery.parcel import Parcel

NEEDS_SHOWN = 3
"""Lists of a person that stand in the row itself; the others stand with the reasons."""

TOLD_CONTRIBUTIONS = 5
"""What moved a model's prediction: the largest of them are told."""

_BETWEEN = "\x00"
"""Stands between texts while they are escaped together; no record holds it, and in a page it would be harmless."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}


@dataclass(frozen=True)
class Columns:
    """Which columns a worklist has: the practice on the network's pages, risk and last contact where anybody has one."""

    practice: bool
    risk: bool
    seen: bool


def escaped(text: pl.Expr) -> pl.Expr:
    """Give text as it may stand in HTML, in an attribute too."""
    return text.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))


def row_texts(parcel: Parcel, worklist: pl.DataFrame, columns: Columns, names: dict[str, str]) -> list[str]:
    """Give the rows of people in the order they come in.

    Parameters
    ----------
    worklist
        Rows of the worklist that are shown, with the NHS numbers that may stand.
    names
        Practice code to name.
    """
    people = people_of(worklist, knows_seen=knows_seen(parcel))
    roles = dict(zip(people["role_key"], people["roles"], strict=True))
    people = people.with_columns(
        escaped(pl.col("called", "who", "patient_id", "practice_code", "role_key")),
        escaped(pl.col("services").list.join(" ")).alias("service_key"),
        said(people["practice_code"], lambda code: _under(names.get(code, code)) if columns.practice else "").alias("_at"),
        said(people["role_key"], lambda key: _roles(roles[key])).alias("_roles"),
        said(people["risk"], lambda risk: "" if risk is None else f"{risk:.4f}").alias("_risk_key"),
        said(people["risk"], lambda risk: "–" if risk is None else words.percent(risk, 1)).alias("_risk"),
        pl.int_range(1, pl.len() + 1).alias("_row"),
    )  # fmt: skip
    why = _why(parcel, worklist, people)
    made = people.hstack(why).select(text=pl.concat_str(*_parts(columns)))
    return made["text"].to_list()


def _parts(columns: Columns) -> list[pl.Expr]:
    """Give the parts of a row, first to last."""
    age, months = (pl.col(name).cast(pl.String).fill_null("") for name in ("age_years", "months_since_seen"))
    new = pl.col("is_new").fill_null(value=False)
    parts = [
        pl.format('<tr data-place="{}" data-role="{}" data-service="{}" data-practice="{}" data-new="{}">\n',
                  pl.col("place").cast(pl.String), "role_key", "service_key", "practice_code",
                  pl.when(new).then(pl.lit("yes")).otherwise(pl.lit("no"))),
        pl.format('<td class="ph-number">{}</td>\n<th scope="row" class="ph-who" data-sort="{}">{}', "_row", age, "called"),
        pl.format('<span class="ph-under">{}</span>{}</th>\n', "who", "_at"),
        pl.format('<td data-sort="{}"><ul class="ph-needs">\n{}</ul>\n', "_needs", "_first_needs"),
        pl.format('<details class="ph-why"><summary>{}<span class="nhsuk-u-visually-hidden">, {}</span></summary>\n',
                  "_more", "called"),
        pl.format('{}<p class="ph-under">Full reference {}</p></details></td>\n', "_reasons", "patient_id"),
        pl.format('<td>{}<span class="ph-under">{} minutes</span></td>\n', "_roles", "minutes"),
    ]  # fmt: skip
    if columns.seen:
        parts.append(pl.format('<td data-sort="{}">{}</td>\n', months, "last_seen"))
    if columns.risk:
        parts.append(pl.format('<td class="ph-number" data-sort="{}">{}</td>\n', "_risk_key", "_risk"))
    under = [
        pl.when(told != "").then(pl.format('<span class="ph-under">{}</span>', told)).otherwise(pl.lit(""))
        for told in (
            pl.col("result"),
            pl.when(new).then(pl.lit("New on a list")).otherwise(pl.lit("")),
            escaped(pl.col("action")),
        )
    ]
    place = pl.format(
        '<td data-sort="{}"><strong class="ph-place ph-place--{}">{}</strong>', "_row", "place", "place_words"
    )
    return [*parts, place, *under, pl.lit("</td>\n</tr>\n")]


def _roles(roles: list[str]) -> str:
    """Give who can help: the first by name, the others below."""
    rest = ", ".join(words.spelled(role) for role in roles[1:])
    return Markup("{}").format(words.role(roles[0])) + (_under(f"and {rest}") if rest else "")


def _under(text: str) -> Markup:
    return Markup('<span class="ph-under">{}</span>').format(text)


def _why(parcel: Parcel, worklist: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Give, for each of the people, the lists in the row, what opens the reasons, and the reasons."""
    here = worklist.select("patient_id")
    by_person = (
        _needs(parcel, worklist)
        .group_by("patient_id", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int32).alias("_needs"),
            pl.col("_item").head(NEEDS_SHOWN).str.join("").alias("_first_needs"),
            pl.col("_reason").str.join(""),
        )
    )
    joined = (
        here.join(by_person, on="patient_id", how="left", maintain_order="left")
        .join(_contributions(parcel.contributions, here), on="patient_id", how="left", maintain_order="left")
        .with_columns(people["risk", "_risk"])
    )
    moved = pl.format(
        '<div class="ph-reason"><p><strong>What moves the predicted risk{}</strong></p><ul><li>{}</li></ul></div>\n',
        pl.when(pl.col("risk").is_not_null()).then(pl.format(" of {}", "_risk")).otherwise(pl.lit("")),
        _items("_told"),
    )
    unshown = pl.col("_needs") - NEEDS_SHOWN
    more = (
        pl.when(unshown > 0)
        .then(pl.format('and {} more<span class="ph-ask">: why</span>', unshown))
        .otherwise(pl.lit('<span class="ph-ask">why this person</span>'))
    )
    return joined.select(
        "_needs",
        "_first_needs",
        more.alias("_more"),
        pl.concat_str(pl.col("_reason"), moved.fill_null("")).alias("_reasons"),
    )


def _needs(parcel: Parcel, worklist: pl.DataFrame) -> pl.DataFrame:
    """Give each list of each of the people as an item of the row and as a reason, the first to be said first."""
    rules = parcel.summary["rules"]
    needs = needs_of(worklist, rules)
    here = worklist.select("patient_id")
    members, evidence = (frame.join(here, on="patient_id", how="semi") for frame in (parcel.members, parcel.evidence))
    pairs = needs.select("rule_id", "tier_label").unique()
    told = [(rule_id, label, *_of_list(rule_id, rules[rule_id], label)) for rule_id, label in pairs.iter_rows()]
    schema = dict.fromkeys(("rule_id", "tier_label", "_item", "_opening"), pl.String)
    rows = with_tiers(needs, pl.DataFrame(told, schema, orient="row")).join(
        reasons_of(members, evidence, rules), on=["patient_id", "rule_id"], how="left", maintain_order="left"
    )
    return rows.select("patient_id", "_item", _reasons(rows))


def _of_list(rule_id: str, rule: dict[str, Any], label: str | None) -> tuple[str, str]:
    """Give what is said of a list and a tier of it: as an item of the row, and as the opening of its reasons."""
    tier, where = tier_words(label), f"{rules_address(rule['service'])}#{rule_id}"
    item = Markup('<li><a href="{}">{}</a>').format(where, rule["title"])
    item += Markup(": <strong>{}</strong>").format(tier) if tier else ""
    if is_urgent(rule, label):
        item += Markup(' <strong class="ph-place ph-place--urgent">Urgent</strong>')
    elif rule.get("owed"):
        item += Markup(' <strong class="ph-place ph-place--owed">Owed</strong>')
    opening = Markup('<div class="ph-reason"><p><strong>{}</strong>').format(rule["title"])
    opening += Markup(" ({})").format(tier) if tier else ""
    opening += Markup(". {}.").format(words.role(rule["role"])) if rule.get("role") else ""
    return item + Markup("</li>\n"), opening


def _reasons(rows: pl.DataFrame) -> pl.Series:
    """Give the reasons of each list: what it is, how old its result is, and a line for each thing that decided."""
    days = said(rows["days_since_result"], lambda day: "" if day is None else f" Recorded {words.of(day, 'day')} ago.")
    holds = said(rows["holds"].list.join(", "), lambda text: _item(words.first_upper(text)) if text else "")
    unknown = said(rows["open_questions"], lambda text: _item(f"Not known from the record: {text}") if text else "")
    lines = (
        pl.when(pl.col("lines").list.len() > 0).then(pl.format("<li>{}</li>", _items("lines"))).otherwise(pl.lit(""))
    )
    parts = rows.with_columns(days.alias("_days"), holds.alias("_holds"), unknown.alias("_unknown"))
    whole = pl.format(
        "{}{}</p>\n<ul>{}{}{}</ul></div>\n", "_opening", "_days", "_holds", lines.fill_null(""), "_unknown"
    )
    return parts.select(whole.alias("_reason"))["_reason"]


def _item(text: str) -> Markup:
    return Markup("<li>{}</li>").format(text)


def _items(name: str) -> pl.Expr:
    """Give a list of texts as items of HTML, without the first and the last tag."""
    return escaped(pl.col(name).list.join(_BETWEEN)).str.replace_all(_BETWEEN, "</li><li>", literal=True)


def _contributions(frame: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Give by person what moved the prediction, the largest first, as sentences."""
    if frame.is_empty():
        return pl.DataFrame(schema={"patient_id": pl.String, "_told": pl.List(pl.String)})
    ordered = frame.join(people, on="patient_id", how="semi").sort(
        "patient_id", "model_id", pl.col("contribution").abs(), descending=[False, False, True]
    )
    text = pl.format(
        "{}: {} {} it",
        "label",
        pl.col("value_text").fill_null("not recorded"),
        pl.when(pl.col("direction") == "up").then(pl.lit("raises")).otherwise(pl.lit("lowers")),
    )
    return ordered.group_by("patient_id", maintain_order=True).agg(text.head(TOLD_CONTRIBUTIONS).alias("_told"))
