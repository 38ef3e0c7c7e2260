"""The line as its operators run it: idempotent, resumable, quiet; one network's failure is its own."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from pophealth.cohorts import load_rules
from pophealth.terms import Status

DAY = "2025-01-31"


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def members(delivery: Path) -> pl.DataFrame:
    return pl.read_ipc(delivery / "members.arrow")


def test_a_second_run_finds_nothing_to_do_and_changes_no_file(site, pophealth, capsys) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    before = fingerprint(site.folder)
    capsys.readouterr()
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    assert capsys.readouterr().out.startswith("nothing to do")
    assert fingerprint(site.folder) == before


def test_every_shipped_rule_lists_someone_in_every_network(site, pophealth) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    for delivery in site.deliveries():
        rules = json.loads((delivery / "summary.json").read_text())["rules"]
        assert set(rules) == set(load_rules())
        silent = {name: rule["not_computable"] for name, rule in rules.items() if not rule["listed"]}
        waits = "model emergency_admission_12m not in use; model rising_risk not in use"
        gated = "licence of score acb not accepted"
        expected = {"rising_risk": waits, "anticholinergic_burden_three_or_more": gated}
        assert silent == expected, "the first lists someone in test_models.py, the second in test_traps.py"


def test_a_run_grows_network_by_network_under_one_id(site, pophealth) -> None:
    networks = sorted(pl.read_parquet(site.folder / "memberships.parquet")["network_code"].unique())
    assert pophealth("run", site.config, "--index-date", DAY, "--network", networks[0]) == 0
    first = site.deliveries()
    kept = fingerprint(first[0])
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    assert [path.name for path in site.deliveries()] == networks
    assert len({path.parent for path in site.deliveries()}) == 1
    assert fingerprint(first[0]) == kept


def test_threads_change_no_byte(site, pophealth, tmp_path) -> None:
    other = Path(shutil.copytree(site.folder, tmp_path / "other"))
    config = other / "config.toml"
    text = config.read_text()
    config.write_text(
        text + "\n[runs]\nthreads = 1\n" if "[runs]" not in text else text.replace("threads = 2", "threads = 1")
    )
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    assert pophealth("run", config, "--index-date", DAY) == 0
    one, two = (
        {path.name: fingerprint(path) for path in root.glob("**/deliveries/*/U*")} for root in (site.folder, other)
    )
    assert {n: {f: h for f, (h, _) in files.items()} for n, files in one.items()} == {
        n: {f: h for f, (h, _) in files.items()} for n, files in two.items()
    }


def test_a_damaged_bucket_fails_its_network_only(site, pophealth, capsys) -> None:
    register = next(site.folder.glob("**/register/*/MANIFEST.json")).parent
    victim = sorted(path for path in register.iterdir() if (path / "index").is_dir())[0]
    file = max((path for path in (victim / "index").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert pophealth("run", site.config, "--index-date", DAY) == 4
    assert len(site.deliveries()) == 1
    assert "failed U" in capsys.readouterr().err


def test_verify_accepts_what_was_delivered_and_refuses_a_changed_byte(site, pophealth, capsys) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    delivery = site.deliveries()[0]
    assert pophealth("verify", delivery) == 0
    file = delivery / "members.arrow"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert pophealth("verify", delivery) == 5


def listed_person(delivery: Path) -> str:
    return str(members(delivery).filter(pl.col("status") == Status.LISTED.value)["patient_id"].sort()[0])


def nhs_number_of(site, patient: str) -> str:
    identity = pl.concat([pl.read_parquet(path) for path in site.folder.glob("**/identity/*.parquet")])
    return str(identity.filter(pl.col("patient_id") == patient)["nhs_number"][0])


def test_who_opted_out_since_is_left_out_of_the_next_delivery(site, pophealth) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    delivery = site.deliveries()[0]
    patient = listed_person(delivery)
    number = nhs_number_of(site, patient)
    from pophealth.runs.clock import today

    (site.folder / "national.csv").write_text(f"# as_of: {today()}\nnhs_number\n{number}\n")
    config = Path(site.config)
    config.write_text(config.read_text() + '\n[opt_outs]\nnational_list = "national.csv"\n')
    assert pophealth("run", config, "--index-date", DAY, "--network", delivery.name) == 0
    runs = {path.parent.name: path for path in site.deliveries() if path.name == delivery.name}
    assert len(runs) == 2
    newer = next(path for name, path in runs.items() if name != delivery.parent.name)
    for table in ("members", "patients", "evidence"):
        assert patient not in set(pl.read_ipc(newer / f"{table}.arrow")["patient_id"].cast(pl.String))
    assert json.loads((newer / "summary.json").read_text())["left_out_at_delivery"]["opted_out"] == 1
    assert number.encode() not in b"".join(path.read_bytes() for path in newer.rglob("*") if path.is_file())


@pytest.mark.parametrize("event", ["died", "deducted"])
def test_who_died_or_left_after_the_index_date_is_left_out(site, pophealth, event: str) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    delivery = site.deliveries()[0]
    patient = listed_person(delivery)
    number = nhs_number_of(site, patient)
    source = pl.read_parquet(site.folder / "patients" / f"{delivery.name}.parquet")
    key = source.filter(pl.col("nhs_number") == number)["patient_id"][0]
    table = "deaths" if event == "died" else "registrations"
    path = site.folder / table / f"{delivery.name}.parquet"
    rows = pl.read_parquet(path)
    late = pl.date(2025, 2, 3)
    if event == "died":
        rows = pl.concat(
            [rows, pl.DataFrame({"patient_id": [key]}).select("patient_id", death_date=late)], how="diagonal"
        )
    else:
        mine = pl.col("patient_id") == key
        rows = rows.with_columns(pl.when(mine).then(late).otherwise("end_date").alias("end_date"))
    rows.write_parquet(path)
    facts = site.folder / "extract.json"
    hashes = json.loads(facts.read_text())
    name = str(path.relative_to(site.folder))
    hashes["files"][name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "rows": rows.height}
    facts.write_text(json.dumps(hashes))
    assert pophealth("ingest", site.config) == 0
    assert pophealth("run", site.config, "--index-date", DAY, "--network", delivery.name) == 0
    newer = next(p for p in site.deliveries() if p.name == delivery.name and p.parent != delivery.parent)
    assert patient not in set(members(newer)["patient_id"].cast(pl.String))
    assert json.loads((newer / "summary.json").read_text())["left_out_at_delivery"][event] >= 1


def test_explain_says_why_with_the_records(site, pophealth, capsys) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    delivery = site.deliveries()[0]
    row = (
        members(delivery)
        .filter((pl.col("status") == "listed") & (pl.col("catalogue_id") == "SMR-02"))
        .row(0, named=True)
    )
    capsys.readouterr()
    words = ("--run", delivery.parent.name, "--network", delivery.name, "--patient", row["patient_id"], "--json")
    assert pophealth("explain", site.config, *words) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["rules"]) == len(load_rules())
    severe = next(rule for rule in answer["rules"] if rule["rule_id"] == row["rule_id"])
    assert severe["status"] == "listed"
    assert any(record["record_id"] for record in severe["records"])
    assert pophealth("explain", site.config, *words[:-1], "--rule", row["rule_id"]) == 0


def test_explain_shows_the_days_since_an_urgent_result_and_says_what_is_to_be_confirmed(
    site, pophealth, capsys
) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    delivery = site.deliveries()[0]
    listed = members(delivery).filter(pl.col("status") == "listed")
    urgent = listed.filter(pl.col("catalogue_id") == "CA-06").row(0, named=True)
    capsys.readouterr()
    words = ("--run", delivery.parent.name, "--network", delivery.name, "--patient", urgent["patient_id"])
    assert pophealth("explain", site.config, *words, "--rule", urgent["rule_id"]) == 0
    text = capsys.readouterr().out
    assert f"Urgent: {urgent['days_since_result']} days since the result" in text
    general = listed.filter(pl.col("catalogue_id") == "IN-11").row(0, named=True)
    words = (*words[:-1], general["patient_id"])
    assert pophealth("explain", site.config, *words, "--rule", general["rule_id"]) == 0
    text = capsys.readouterr().out
    assert "Evidence K: to be confirmed." in text
    assert "Urgent" not in text


def test_an_unknown_network_is_a_usage_error(site, pophealth, capsys) -> None:
    assert pophealth("run", site.config, "--index-date", DAY, "--network", "U00000") == 2
    assert pophealth("run", site.config, "--index-date", DAY, "--network", "../etc") == 2
    assert site.deliveries() == []


def test_a_feed_that_lost_most_of_its_rows_is_withheld(site, pophealth, capsys) -> None:
    network = sorted(path.stem for path in (site.folder / "events").glob("*.parquet"))[0]
    facts = json.loads((site.folder / "extract.json").read_text())
    for table in ("events", "medications", "measurements"):
        path = site.folder / table / f"{network}.parquet"
        rows = pl.read_parquet(path).head(20)
        rows.write_parquet(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        facts["files"][str(path.relative_to(site.folder))] = {"sha256": digest, "rows": rows.height}
    (site.folder / "extract.json").write_text(json.dumps(facts))
    assert pophealth("ingest", site.config) == 4
    assert "minimum_row_share" in capsys.readouterr().err
    assert pophealth("run", site.config, "--index-date", DAY) == 4
    assert [path.name for path in site.deliveries()] != []
    assert network not in [path.name for path in site.deliveries()]


def test_no_identifier_outside_identity_and_practice_pages(site, pophealth) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    numbers = pl.concat([pl.read_parquet(path) for path in site.folder.glob("**/identity/*.parquet")])["nhs_number"]
    canaries = [number.encode() for number in numbers.drop_nulls().to_list()[:50]]
    written = [
        path
        for path in site.folder.rglob("*")
        if path.is_file() and ("journal" in path.parts or "archive" in path.parts)
    ]
    for path in written:
        content = path.read_bytes()
        assert not any(canary in content for canary in canaries), path.name
