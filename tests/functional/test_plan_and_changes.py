"""The plan in the run: urgent and owed first, the same bytes again, entrants and leavers with their causes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from pophealth.cohorts import load_rules

DAY, LATER = "2024-10-31", "2025-01-31"


def read(delivery: Path, name: str) -> pl.DataFrame:
    frame = pl.read_ipc(delivery / f"{name}.arrow")
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def summary(delivery: Path) -> dict:
    return json.loads((delivery / "summary.json").read_text())


def delivered(site, index_date: str) -> Path:
    return next(path for path in site.deliveries() if summary(path)["index_date"] == index_date)


@pytest.fixture(scope="module")
def two_runs(ingested, tmp_path_factory):
    """A site with two runs, three months apart."""
    from datetime import date

    from pophealth.config import load_config
    from pophealth.runs.night import run

    site = type(ingested)(Path(shutil.copytree(ingested.folder, tmp_path_factory.mktemp("two") / "site")))
    for day in (DAY, LATER):
        assert run(load_config(Path(site.config)), date.fromisoformat(day)).failed == {}
    return site


def test_the_tables_hold_together(two_runs) -> None:
    for delivery in two_runs.deliveries():
        members, plan, worklist = (read(delivery, name) for name in ("members", "plan", "worklist"))
        listed = members.filter(pl.col("status") == "listed")
        assert set(plan["patient_id"]) == set(listed["patient_id"]) == set(worklist["patient_id"])
        pairs = plan.select("patient_id", rule_id=pl.col("rules")).explode("rule_id")
        assert sorted(pairs.rows()) == sorted(listed.select("patient_id", "rule_id").rows())
        assert worklist["order"].to_list() == list(range(1, worklist.height + 1))
        places = dict(listed.group_by("place").len().iter_rows())
        assert set(places) <= {"urgent", "owed", "planned", "waiting"}
        assert members.filter(pl.col("status") != "listed")["place"].null_count() == members.height - listed.height
        first = {"urgent": 0, "owed": 1, "planned": 2, "waiting": 3}
        order = [first[place] for place in worklist["place"]]
        assert order == sorted(order)


def test_urgent_and_owed_people_always_have_a_place(two_runs) -> None:
    rules = load_rules()
    for delivery in two_runs.deliveries():
        listed = read(delivery, "members").filter(pl.col("status") == "listed")
        urgent = [(rule.id, tier.label) for rule in rules.values() for tier in rule.tiers if tier.urgent]
        first = listed.join(pl.DataFrame(urgent, ["rule_id", "tier_label"], orient="row"), on=["rule_id", "tier_label"])
        assert first.height > 0
        assert set(first["place"]) == {"urgent"}
        owed = listed.filter(pl.col("rule_id").is_in([rule.id for rule in rules.values() if rule.owed]))
        assert set(owed["place"]) <= {"urgent", "owed"}


def test_urgent_results_say_how_old_they_are(two_runs) -> None:
    for delivery in two_runs.deliveries():
        if summary(delivery)["index_date"] != LATER:
            continue
        worklist = read(delivery, "worklist").filter("is_urgent")
        assert worklist["days_since_result"].drop_nulls().len() > 0
        assert worklist["days_since_result"].drop_nulls().min() >= 0
        evidence, members = read(delivery, "evidence"), read(delivery, "members")
        fit = members.filter(pl.col("rule_id") == "fit_10_or_more_no_referral", pl.col("status") == "listed")
        latest = evidence.filter(
            pl.col("rule_id") == "fit_10_or_more_no_referral", pl.col("feature").str.contains("fit_10")
        )
        dates = dict(latest.group_by("patient_id").agg(pl.col("date").max()).iter_rows())
        index_date = pl.Series([summary(delivery)["index_date"]]).str.to_date()[0]
        assert fit.height > 0
        for person, days in fit.select("patient_id", "days_since_result").iter_rows():
            assert days == (index_date - dates[person]).days


def test_the_plan_in_numbers_is_the_plan(two_runs) -> None:
    for delivery in two_runs.deliveries():
        plan = read(delivery, "plan")
        for role in summary(delivery)["plan"]["by_role"]:
            part = plan.filter(pl.col("role") == role["role"])
            counts = dict(part["place"].value_counts().iter_rows())
            assert {place: role[place] for place in ("urgent", "owed", "planned", "waiting")} == {
                place: counts.get(place, 0) for place in ("urgent", "owed", "planned", "waiting")
            }
            forced = part.filter(pl.col("is_urgent") | pl.col("is_owed"))["slots"].sum()
            assert role["slots_used"] <= max(role["slots"], forced)


def test_the_first_run_has_no_changes_and_the_second_says_each_with_its_cause(two_runs) -> None:
    first, second = delivered(two_runs, DAY), delivered(two_runs, LATER)
    assert first.name == second.name
    assert summary(first)["changes"]["previous_run"] is None
    assert read(first, "changes").is_empty()
    told = summary(second)["changes"]
    assert told["previous_run"] == first.parent.name
    before, after = (
        set(read(delivery, "members").filter(pl.col("status") == "listed").select("patient_id", "rule_id").rows())
        for delivery in (first, second)
    )
    by_rule = told["by_rule"]
    assert sum(sum(rule["entered"].values()) for rule in by_rule.values()) == len(after - before) > 0
    assert sum(sum(rule["left"].values()) for rule in by_rule.values()) == len(before - after) > 0
    causes = {cause for rule in by_rule.values() for change in rule.values() for cause in change}
    assert causes <= {"record", "registered", "moved", "death", "opt_out"}
    assert "record" in causes
    rows = read(second, "changes")
    lists = rows.filter(pl.col("rule_id").is_not_null())
    here = set(read(second, "patients")["patient_id"])
    assert set(rows["patient_id"]) <= here, "who is gone is only counted"
    assert {
        (p, r) for p, r in lists.filter(pl.col("change") == "entered").select("patient_id", "rule_id").iter_rows()
    } == (after - before)
    new = read(second, "members").filter("is_new")
    assert set(new.select("patient_id", "rule_id").rows()) == after - before
    everybody_before = {person for person, _ in before}
    worklist = read(second, "worklist")
    assert set(worklist.filter("is_new")["patient_id"]) == set(worklist["patient_id"]) - everybody_before


def test_a_rule_of_other_words_is_the_cause_of_its_changes(site, pophealth, tmp_path) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    source = next(Path(path) for path in Path("src/pophealth/cohorts").glob("*/flu_vaccination_65_and_over.toml"))
    own = site.folder / "rules" / source.parent.name
    own.mkdir(parents=True)
    text = source.read_text()
    assert "from_age   = 65" in text
    (own / source.name).write_text(text.replace("from_age   = 65", "from_age   = 70"))
    site.configure(("[reference]\n", '[reference]\nrules = ["rules"]\n'))
    assert pophealth("run", site.config, "--index-date", LATER) == 0
    by_rule = summary(delivered(site, LATER))["changes"]["by_rule"]
    assert set(by_rule["flu_vaccination_65_and_over"]["left"]) <= {"rule", "death", "moved", "opt_out"}
    assert by_rule["flu_vaccination_65_and_over"]["left"]["rule"] > 0
    others = {
        cause
        for name, rule in by_rule.items()
        if name != "flu_vaccination_65_and_over"
        for c in rule.values()
        for cause in c
    }
    assert "rule" not in others


def test_slots_decide_who_has_a_place_and_a_role_nobody_has_is_refused(site, pophealth, capsys) -> None:
    site.configure(("gp = 2", "gp = 0"))
    assert pophealth("run", site.config, "--index-date", LATER) == 0
    plan = read(site.deliveries()[0], "plan").filter(pl.col("role") == "gp")
    assert set(plan["place"]) <= {"urgent", "owed", "waiting"}
    site.configure(("gp = 0", "gps = 2"))
    assert pophealth("run", site.config, "--index-date", LATER) == 2
    assert "did you mean 'gp'?" in capsys.readouterr().err


def test_a_holdout_moves_only_people_who_would_wait_their_turn(site, pophealth) -> None:
    site.configure(("[delivery]", '[planning.holdout]\nshare = 0.5\napproval_reference = "ethics 1"\n\n[delivery]'))
    assert pophealth("run", site.config, "--index-date", LATER) == 0
    for delivery in site.deliveries():
        plan, told = read(delivery, "plan"), summary(delivery)["plan"]["holdout"]
        held = plan.filter(pl.col("place") == "held_out")
        assert held.height > 0
        assert not (held["is_urgent"] | held["is_owed"]).any()
        assert held["is_drawn"].all()
        assert told["approval_reference"] == "ethics 1"
        assert 0 < told["held_out_people"] <= told["drawn_people"] <= told["compared_people"]


def test_a_floor_by_what_people_are_needs_its_approval(site, pophealth, capsys) -> None:
    floor = '[[planning.floors]]\ncolumn = "sex"\nvalues = ["female"]\nshare = 0.6\n'
    site.configure(("[delivery]", f"{floor}\n[delivery]"))
    assert pophealth("run", site.config, "--index-date", LATER) == 2
    assert "approval_reference" in capsys.readouterr().err
    site.configure((floor, floor + 'approval_reference = "board 7"\n'))
    assert pophealth("run", site.config, "--index-date", LATER) == 0
    floors = summary(site.deliveries()[0])["plan"]["floor"]
    assert [item["column"] for item in floors["floors"]] == ["imd_quintile", "sex"]
    assert floors["floors"][1]["approval_reference"] == "board 7"
    assert floors["brought_in"] > 0
    assert floors["made_to_wait"] > 0  # offers take one slot or more, so the two need not be equal
    assert floors["ranks_put_back_most"] > 0


def test_commissioning_gets_the_plan_in_controlled_counts_only(site, pophealth) -> None:
    site.configure(('purpose = "case_finding"', 'purpose = "commissioning"'))
    site.configure(('network_sharing_agreement = "DEMO-0001 (synthetic data)"\n', ""))
    site.hand_over_everything()
    assert pophealth("ingest", site.config) == 0
    assert pophealth("run", site.config, "--index-date", LATER) == 0
    delivery = site.deliveries()[0]
    assert {path.name for path in delivery.iterdir()} == {"summary.json", "MANIFEST.json", "MANIFEST.sig", "COMMITTED"}
    for role in summary(delivery)["plan"]["by_role"]:
        assert role["urgent"] is None or role["urgent"] == 0 or role["urgent"] > 7
        assert role["waiting"] is None or role["waiting"] == 0 or role["waiting"] % 6 == 3
