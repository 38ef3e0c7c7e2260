"""Gives the first page of a network: six answers, and under each the table that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.delivery.pages import numbers, words
from pophealth.delivery.pages.inequality import Gap, sentence
from pophealth.delivery.pages.people import first_to_ring
from pophealth.terms import SERVICES

if TYPE_CHECKING:
    from pophealth.delivery.parcel import Parcel

_FIRST_RUN = "This is the first run: there is no earlier one to compare it with."
FIRST_TO_RING = 10
GAPS_SHOWN = 8
AT_THE_EDGE = 5
"""People named who fall off or come on when slots change; the others are counted, and stand in the plan's table."""


def front_of(parcel: Parcel, people: pl.DataFrame, gaps: list[Gap], listed: pl.DataFrame) -> dict[str, Any]:
    """Give the values of the first page's template.

    Parameters
    ----------
    people
        The worklist with the NHS numbers that may stand there.
    listed
        The network's listed rows (`numbers.listed_rows`).
    """
    summary = parcel.summary
    by_service = numbers.places_by(listed, "service")
    services = [
        {"id": service, "title": title, **by_service.get(service, dict.fromkeys(_COUNTS, 0))}
        for service, title in SERVICES.items()
    ]
    placed = numbers.placed_people(people)
    told = summary.get("changes") or {}
    changes = numbers.change_counts(told.get("by_rule") or {})
    return {
        "summary": summary,
        "plan": summary.get("plan") or {},
        "services": services,
        "by_practice": _by_practice(parcel, listed),
        "people_listed": listed["patient_id"].n_unique(),
        "placed": placed,
        "first": first_to_ring(parcel, people, FIRST_TO_RING),
        "first_count": placed["urgent"] + placed["owed"],
        "oldest_result": max((int(d) for d in parcel.worklist["days_since_result"].drop_nulls()), default=None),
        "new_people": int(parcel.worklist["is_new"].fill_null(value=False).sum()),
        "previous_run": told.get("previous_run"),
        "previous_index_date": told.get("previous_index_date"),
        "changes": changes,
        "changes_by_service": _changes_by_service(told.get("by_rule") or {}, summary["rules"]),
        "changes_by_role": {role: numbers.change_counts({role: change}) for role, change in _by_role(told)},
        "gaps": gaps[:GAPS_SHOWN],
        "gap_count": len(gaps),
        "slots_change": _slots_change(parcel, people),
        "over_capacity": _over_capacity(summary.get("plan") or {}),
        "answers": _answers(parcel, services, gaps, changes),
    }


def _by_role(changes: dict[str, Any]) -> list[tuple[str, dict[str, dict[str, int]]]]:
    return sorted((changes.get("by_role") or {}).items())


def _changes_by_service(by_rule: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any]:
    """Give the list entries that came and went by service; lists that are no longer made are under none."""
    return {
        service: numbers.change_counts({rule_id: change for rule_id, change in by_rule.items() if rule_id in here})
        for service in SERVICES
        if (here := {rule_id for rule_id, rule in rules.items() if rule["service"] == service})
    }


_COUNTS = ("people", *words.PLACES, "place_none", "is_new")


def _answers(
    parcel: Parcel, services: list[dict[str, Any]], gaps: list[Gap], changes: dict[str, Any]
) -> list[dict[str, str]]:
    """Give the six questions with their answers in a sentence or two, and where on the page the figures stand."""
    plan = parcel.summary.get("plan") or {}
    weeks = words.of(plan.get("weeks", 4), "week")
    answered = (
        ("Whom to ring first", "ring-first", _first_answer(parcel)),
        ("Who needs something", "needs", _needs_answer(parcel, services)),
        (f"What the team can do in {weeks}", "team", _team_answer(parcel)),
        ("Who is new", "changes", _new_answer(parcel)),
        ("Why lists grew or shrank", "changes", _changes_answer(parcel, changes)),
        ("Where inequality is widest", "inequality", _gap_answer(gaps)),
    )
    return [
        {"question": question, "to": to, "figure": figure, "text": text} for question, to, (figure, text) in answered
    ]


def _first_answer(parcel: Parcel) -> tuple[str, str]:
    placed = numbers.placed_people(parcel.worklist)
    noun = "person" if placed["urgent"] == 1 else "people"
    return words.count(
        placed["urgent"]
    ), f"{noun} urgent; {words.count(placed['owed'])} more are owed an offer by contract."


def _needs_answer(parcel: Parcel, services: list[dict[str, Any]]) -> tuple[str, str]:
    most = max(services, key=lambda service: service["people"])
    whole = words.of(parcel.summary["registered"], "registered person", "registered people")
    return words.count(parcel.worklist.height), f"of {whole}. Most: {most['title']}, {words.count(most['people'])}."


def _team_answer(parcel: Parcel) -> tuple[str, str]:
    placed = numbers.placed_people(parcel.worklist)
    there = sum(placed[place] for place in numbers.WITH_A_PLACE)
    return words.count(there), f"people have a place; {words.count(placed['waiting'] + placed['held_out'])} wait."


def _is_first_run(parcel: Parcel) -> bool:
    return not (parcel.summary.get("changes") or {}).get("previous_run")


def _new_answer(parcel: Parcel) -> tuple[str, str]:
    if _is_first_run(parcel):
        return "–", _FIRST_RUN
    new = int(parcel.worklist["is_new"].fill_null(value=False).sum())
    return words.count(new), f"{'person was' if new == 1 else 'people were'} on no list at the last run."


def _changes_answer(parcel: Parcel, changes: dict[str, Any]) -> tuple[str, str]:
    if _is_first_run(parcel):
        return "–", _FIRST_RUN
    came, went = (sum(changes[change].values()) for change in ("entered", "left"))
    why = next(iter(changes["entered" if came >= went else "left"]), None)
    most = f", most because {words.CAUSES.get(why, why)}" if why else ""
    return f"+{came:,} / −{went:,}", f"list entries came and went{most}."


def _gap_answer(gaps: list[Gap]) -> tuple[str, str]:
    if not gaps:
        return "–", "No gap between groups that chance would not explain."
    return f"{abs(gaps[0].points):.0f} points", f"{sentence(gaps[0])}."


def _by_practice(parcel: Parcel, listed: Any) -> list[dict[str, Any]]:
    counts = numbers.places_by(listed, "practice_code")
    names = parcel.facts.get("practice_names") or {}
    rows = []
    for code, facts in sorted(parcel.summary["practices"].items()):
        found = counts.get(code, dict.fromkeys(_COUNTS, 0))
        rows.append({"code": code, "title": names.get(code, code), "registered": facts.get("registered"), **found})
    return rows


def _slots_change(parcel: Parcel, people: pl.DataFrame) -> list[dict[str, Any]]:
    """Give, for each change of a role's slots that moves anybody, how many people and who: the nearest to the edge first."""
    plan = parcel.summary.get("plan") or {}
    by_role = {role["role"]: role for role in plan.get("by_role", ())}
    made = []
    for change in plan.get("if_slots_change", ()):
        role, delta, moved = change["role"], change["slots_delta"], change["people_delta"]
        if not moved:
            continue
        slots = by_role.get(role, {}).get("slots", 0)
        made.append(
            {
                "role": by_role.get(role, {}).get("role_title") or words.role(role),
                "slots": f"{delta:+d}".replace("-", "−"),
                "people": f"{moved:+d}".replace("-", "−"),
                "who": _at_the_edge(parcel.offers, people, role, slots, delta),
                "more": max(0, abs(moved) - AT_THE_EDGE),
            }
        )
    return made


def _at_the_edge(offers: pl.DataFrame, people: pl.DataFrame, role: str, slots: int, delta: int) -> list[str]:
    """Give how the first of those are called who fall off or come on when a role has `delta` slots more or fewer."""
    if offers.is_empty():
        return []
    until = pl.col("slots_until_here")
    moved = offers.filter(
        pl.col("role").cast(pl.String) == role,
        ~(pl.col("is_urgent") | pl.col("is_owed")),
        until > min(slots, slots + delta),
        until <= max(slots, slots + delta),
    ).sort("order", descending=delta < 0)
    first = moved.head(AT_THE_EDGE).select("patient_id")
    called = first.join(people.select("patient_id", "nhs_number"), on="patient_id", how="left", maintain_order="left")
    return [words.nhs_number(number) or words.reference(person) for person, number in called.iter_rows()]


def _over_capacity(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the roles whose urgent and owed offers alone take more slots than there are."""
    return [
        {
            "title": role.get("role_title") or words.role(role["role"]),
            "used": role["slots_used"],
            "slots": role["slots"],
        }
        for role in plan.get("by_role", ())
        if role["slots_used"] > role["slots"]
    ]
