"""Rules as a data team asks about them: between years, against another system, as a kit."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

DAY = "2025-01-31"
RULE = "severe_frailty_no_review"


def listed(delivery: Path) -> list[str]:
    rows = pl.read_ipc(delivery / "members.arrow").with_columns(pl.col("status", "rule_id").cast(pl.String))
    mine = rows.filter((pl.col("status") == "listed") & (pl.col("rule_id") == RULE))
    return sorted(mine["patient_id"].cast(pl.String))


def test_another_systems_list_is_compared_on_both_sides(site, pophealth, capsys, tmp_path) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    delivery = site.deliveries()[0]
    ours = listed(delivery)
    ids = tmp_path / "theirs.csv"
    ids.write_text("patient_id\n" + "\n".join([*ours[1:], "0" * 32]) + "\n")
    words = ("--ids", ids, "--rule", RULE, "--network", delivery.name, "--index-date", DAY)
    capsys.readouterr()
    assert pophealth("rules", "compare", site.config, *words, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["both"] == len(ours) - 1
    assert [change["patient_id"] for change in answer["entrants"]] == ours[:1]
    assert [change["reason"] for change in answer["leavers"]] == ["not registered in this network on the index date"]
    assert pophealth("rules", "compare", site.config, *words) == 0
    assert f"{len(ours) - 1} on both lists" in capsys.readouterr().out
    ids.write_text("who\n1\n")
    assert pophealth("rules", "compare", site.config, *words) == 3


def test_two_contract_years_are_compared_with_and_without_people(site, pophealth, capsys) -> None:
    assert pophealth("rules", "diff", "2022-23", "2024-25", "--json") == 0
    declared = {change["rule_id"]: change["change"] for change in json.loads(capsys.readouterr().out)["declared"]}
    assert declared[RULE] == "parameters"
    network = sorted(pl.read_parquet(site.folder / "memberships.parquet")["network_code"].unique())[0]
    words = ("--config", site.config, "--network", network, "--index-date", DAY, "--json")
    assert pophealth("rules", "diff", "2022-23", "2024-25", *words) == 0
    people = {entry["rule_id"]: entry for entry in json.loads(capsys.readouterr().out)["people"]}
    other_words = {rule for rule, change in declared.items() if change == "parameters"} & set(people)
    assert other_words  # other parameters, other people
    for rule in other_words:
        assert people[rule]["by_reason"]["leavers"] or people[rule]["by_reason"]["entrants"]
    assert pophealth("rules", "diff", "2022-23", "2024-25", "--network", network) == 2
