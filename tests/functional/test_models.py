"""Models from training to a list: registered, gated, promoted, scored in the line, explained, watched, rolled back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from test_support import postgres
from test_support.models import MODEL, WHO, promote, small_model, use

DAY = "2025-01-31"


@pytest.fixture
def site(trained, tmp_path):
    return type(trained)(Path(shutil.copytree(trained.folder, tmp_path / "site")))


def test_a_promoted_model_scores_in_the_line_and_stands_in_manifest_summary_and_lists(site, pophealth, capsys) -> None:
    assert promote(site, pophealth, MODEL, 1) == 0
    assert promote(site, pophealth, "rising_risk", 1) == 0
    use(site, MODEL, "rising_risk")
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    for delivery in site.deliveries():
        manifest = json.loads((delivery / "MANIFEST.json").read_text())
        assert manifest["models"][MODEL]["version"] == 1
        assert manifest["models"][MODEL]["alias"] == "champion"
        summary = json.loads((delivery / "summary.json").read_text())
        assert summary["rules"]["rising_risk"]["not_computable"] is None
        assert summary["rules"]["rising_risk"]["listed"] > 0
        watched = summary["monitoring"][MODEL]
        assert set(watched["psi"]) == {*watched["missing"]} >= {"risk", "age_years"}
        patients = pl.read_ipc(delivery / "patients.arrow")
        risk = patients[f"{MODEL}_risk"]
        flags = patients[f"{MODEL}_flags"].cast(pl.String)
        assert (risk.is_null() == (flags == "not_applicable")).all()
        assert (risk.is_null() == (patients["age_years"] < 18)).all()
        assert risk.drop_nulls().is_between(0, 1).all()
        moved = patients.select(
            (pl.col("emergency_admission_12m_risk") - pl.col("rising_risk_6m_ago") - pl.col("rising_risk_change_6m"))
            .abs()
            .max()
        )
        assert moved.item() == 0
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    assert "nothing to do" in capsys.readouterr().out
    members = pl.read_ipc(delivery / "members.arrow").with_columns(pl.col("rule_id", "status").cast(pl.String))
    rising = members.filter((pl.col("rule_id") == "rising_risk") & (pl.col("status") == "listed"))
    words = ("--run", delivery.parent.name, "--network", delivery.name, "--patient", rising["patient_id"][0])
    assert pophealth("explain", site.config, *words, "--rule", "rising_risk", "--json") == 0
    (explained,) = json.loads(capsys.readouterr().out)["rules"]
    assert explained["status"] == "listed"


def test_an_earlier_risk_is_what_a_run_on_that_day_would_have_said(site, pophealth) -> None:
    assert promote(site, pophealth, MODEL, 1) == 0
    assert promote(site, pophealth, "rising_risk", 1) == 0
    use(site, MODEL, "rising_risk")
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    assert pophealth("run", site.config, "--index-date", "2024-07-31") == 0
    by_day = {}
    for delivery in site.deliveries():
        day = json.loads((delivery / "MANIFEST.json").read_text())["index_date"]
        by_day.setdefault(day, []).append(pl.read_ipc(delivery / "patients.arrow"))
    now, then = (pl.concat(by_day[day], how="diagonal_relaxed") for day in (DAY, "2024-07-31"))
    both = now.join(then, on="patient_id", suffix="_then").filter(
        pl.col("practice_code").cast(pl.String) == pl.col("practice_code_then").cast(pl.String)
    )
    assert both.height > 2_000
    assert both["rising_risk_6m_ago"].equals(both[f"{MODEL}_risk_then"].alias("rising_risk_6m_ago"), null_equal=True)


def test_contributions_name_what_moved_a_listed_persons_risk(site, pophealth) -> None:
    from datetime import date

    from pophealth.config import load_config
    from pophealth.line import Task, walk
    from pophealth.runs.night import open_night

    assert promote(site, pophealth, MODEL, 1) == 0
    use(site, MODEL)
    night = open_night(load_config(Path(site.config)), date.fromisoformat(DAY))
    network, practices = next(iter(night.networks.items()))
    task = Task(network, practices, night.index_date, night.config.site.legal_basis, night.areas, night.withheld)
    result = walk(task, night.plan, night.snapshot)
    listed = set(result.members.filter(pl.col("status").cast(pl.String) == "listed")["patient_id"])
    told = result.contributions
    assert told["patient_id"].n_unique() > 10
    assert set(told["patient_id"]) <= listed
    assert told["direction"].is_in(["up", "down"]).all()
    assert told.null_count().sum_horizontal().item() == 0
    assert "emergency admissions in 12 months" in set(told["label"])
    assert ((told["contribution"] > 0) == (told["direction"] == "up")).all()
    person = told["patient_id"][0]
    mine = told.filter(pl.col("patient_id") == person)
    assert mine["contribution"].abs().to_list() == sorted(mine["contribution"].abs().to_list(), reverse=True)


def test_the_version_is_part_of_the_runs_identity_and_rollback_comes_back_to_it(site, pophealth, capsys) -> None:
    use(site, MODEL)
    runs = []
    for step in (lambda: promote(site, pophealth, MODEL, 1), lambda: promote(site, pophealth, MODEL, 2)):
        assert step() == 0
        capsys.readouterr()
        assert pophealth("run", site.config, "--index-date", DAY, "--json") == 0
        runs.append(json.loads(capsys.readouterr().out)["run_id"])
    assert runs[0] != runs[1]
    assert pophealth("models", "promote", MODEL, "--rollback", "--config", site.config, *WHO, "--json") == 0
    back = json.loads(capsys.readouterr().out)
    assert (back["event"], back["version"], back["previous_version"]) == ("rolled_back", 1, None)
    assert pophealth("run", site.config, "--index-date", DAY, "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["run_id"], again["nothing_to_do"]) == (runs[0], True)
    assert pophealth("models", "promote", MODEL, "--rollback", "--config", site.config, *WHO) == 2


def test_list_compare_and_card_say_what_is_registered(site, pophealth, capsys) -> None:
    assert promote(site, pophealth, MODEL, 2) == 0
    assert promote(site, pophealth, MODEL, 1, "--alias", "challenger") == 0
    capsys.readouterr()
    assert pophealth("models", "list", "--config", site.config, "--json") == 0
    rows = {(row["model_id"], row["version"]): row for row in json.loads(capsys.readouterr().out)}
    assert rows[MODEL, 2]["aliases"] == ["champion"]
    assert rows[MODEL, 1]["aliases"] == ["challenger"]
    assert rows[MODEL, 2]["promoted_by"] == "A. Tester"
    assert 0.55 < rows[MODEL, 2]["auroc"] < 0.9
    words = (f"{MODEL}@challenger", f"{MODEL}@champion", "--config", site.config)
    assert pophealth("models", "compare", *words, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert {"everybody", "sex female"} <= {row["group"] for row in figures}
    assert {row["difference"] for row in figures} <= {0.0, None}, "one register, one seed: one model"
    assert pophealth("models", "card", f"{MODEL}@2", "--config", site.config) == 0
    card = capsys.readouterr().out
    assert "For tests only." in card
    assert "NOT PASSED" not in card
    for command in (("list",), ("compare", *words[:2])):
        assert pophealth("models", *command, "--config", site.config) == 0
    assert pophealth("models", "card", f"{MODEL}@9", "--config", site.config) == 2
    assert pophealth("models", "card", MODEL, "--config", site.config) == 2


def test_a_version_that_fails_its_gates_is_refused_by_name_and_the_alias_stays(site, pophealth, capsys) -> None:
    strict = small_model(site.folder / "strict", min_auroc=0.99)
    assert pophealth("models", "train", strict, "--config", site.config, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["gates_passed"] is False
    assert promote(site, pophealth, MODEL, 1) == 0
    log = (site.folder / "data" / "state" / "promotions.jsonl").read_bytes()
    capsys.readouterr()
    assert promote(site, pophealth, MODEL, made["version"]) == 5
    assert "1 of 2 gates shut: min_auroc asks 0.99, found 0." in capsys.readouterr().err
    assert (site.folder / "data" / "state" / "promotions.jsonl").read_bytes() == log
    assert pophealth("models", "card", f"{MODEL}@champion", "--config", site.config, "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"] == 1


def corrupt(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["bundle/estimator.skops", "bundle/model.json", "report.json", "artifacts.json"])
def test_a_changed_byte_of_an_artefact_stops_run_and_promotion_before_any_network(
    site, pophealth, capsys, name: str
) -> None:
    assert promote(site, pophealth, MODEL, 1) == 0
    use(site, MODEL)
    for folder in (site.folder / "data" / "state" / "models" / MODEL).iterdir():
        corrupt(folder / "artifacts" / name)
    capsys.readouterr()
    assert pophealth("run", site.config, "--index-date", DAY) == 5
    assert Path(name).name in capsys.readouterr().err
    assert site.deliveries() == []
    assert promote(site, pophealth, MODEL, 2) == 5


def test_a_model_of_other_codelists_is_refused_and_the_last_delivery_stays(site, pophealth, capsys) -> None:
    assert promote(site, pophealth, MODEL, 1) == 0
    use(site, MODEL)
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    before = site.deliveries()
    shipped = Path(__file__).parents[2] / "src" / "pophealth" / "reference" / "codelists" / "heart_failure.csv"
    lines = shipped.read_text().splitlines()
    (site.folder / "codelists" / "heart_failure.csv").write_text("\n".join(lines[:-1]) + "\n")
    capsys.readouterr()
    assert pophealth("run", site.config, "--index-date", DAY) == 5
    assert "first has_heart_failure" in capsys.readouterr().err
    assert site.deliveries() == before


def test_config_check_says_what_the_alias_means_and_refuses_as_a_run_would(site, pophealth, capsys) -> None:
    use(site, MODEL)
    assert pophealth("config", "check", site.config) == 2
    assert "no version is champion" in capsys.readouterr().err
    assert promote(site, pophealth, MODEL, 2) == 0
    capsys.readouterr()
    assert pophealth("config", "check", site.config, "--json") == 0
    assert json.loads(capsys.readouterr().out)["models"] == {MODEL: "champion is version 2"}
    config = Path(site.config)
    whole = config.read_text()
    config.write_text(f'{whole}tracking_uri = "postgresql://somebody:secret@127.0.0.1:1/models"\n')
    assert pophealth("config", "check", site.config) == 0, "a registry that is away may be back tonight"
    told = capsys.readouterr().out
    assert "not looked at" in told
    assert "secret" not in told
    config.write_text(whole)
    shipped = Path(__file__).parents[2] / "src" / "pophealth" / "reference" / "codelists" / "heart_failure.csv"
    (site.folder / "codelists" / shipped.name).write_text("\n".join(shipped.read_text().splitlines()[:-1]) + "\n")
    assert pophealth("config", "check", site.config) == 5
    assert "first has_heart_failure" in capsys.readouterr().err


def test_an_alias_moved_by_another_way_is_refused(site, pophealth, capsys) -> None:
    from pophealth.config import load_config
    from pophealth.runs.registry import registry_of

    assert promote(site, pophealth, MODEL, 1) == 0
    use(site, MODEL)
    registry_of(load_config(Path(site.config))).set_alias(MODEL, "champion", 2)
    assert pophealth("run", site.config, "--index-date", DAY) == 5
    assert "version 2 in the registry, and version 1 in this site's promotion log" in capsys.readouterr().err


def test_a_model_that_nobody_promoted_or_a_change_without_its_model_is_a_configuration_error(
    site, pophealth, capsys
) -> None:
    use(site, MODEL)
    assert pophealth("run", site.config, "--index-date", DAY) == 2
    assert "no version is champion" in capsys.readouterr().err
    config = Path(site.config)
    config.write_text(config.read_text().replace(f'use = ["{MODEL}"]', 'use = ["rising_risk"]'))
    assert promote(site, pophealth, "rising_risk", 1) == 0
    assert pophealth("run", site.config, "--index-date", DAY) == 2
    assert f"add '{MODEL}' to it" in capsys.readouterr().err


def test_a_registry_that_cannot_be_reached_is_tried_later(site, pophealth, capsys) -> None:
    use(site, MODEL, more='tracking_uri = "postgresql://somebody:secret@127.0.0.1:1/models"\n')
    assert pophealth("run", site.config, "--index-date", DAY) == 75
    told = capsys.readouterr().err
    assert "cannot be reached" in told
    assert "secret" not in told
    assert site.deliveries() == []


def test_a_site_without_any_registry_says_so(ingested, pophealth, tmp_path, capsys) -> None:
    site = type(ingested)(Path(shutil.copytree(ingested.folder, tmp_path / "bare")))
    use(site, MODEL)
    assert pophealth("run", site.config, "--index-date", DAY) == 2
    assert "no model was registered yet" in capsys.readouterr().err
    assert not (site.folder / "data" / "state" / "mlflow.db").exists()


def test_a_frame_is_written_for_development_only_and_below_the_data_root(site, pophealth, capsys) -> None:
    model = site.folder / "models" / MODEL
    assert pophealth("models", "frame", model, "--config", site.config) == 2
    assert "'development' only" in capsys.readouterr().err
    config = Path(site.config)
    text = config.read_text().replace('purpose = "case_finding"', 'purpose = "development"')
    config.write_text("".join(line for line in text.splitlines(keepends=True) if "network_sharing" not in line))
    outside = site.folder / "frame.parquet"
    assert pophealth("models", "frame", model, "--config", config, "--output", outside) == 2
    assert not outside.exists()
    capsys.readouterr()
    assert pophealth("models", "frame", model, "--config", config, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    frame = pl.read_parquet(made["path"])
    assert frame.height == made["rows"] > 5_000
    assert Path(made["path"]).is_relative_to(site.folder / "data")


def test_no_identifier_is_in_registry_or_artefacts(site) -> None:
    people = pl.concat([pl.read_parquet(path) for path in site.folder.glob("**/identity/*.parquet")])
    state = site.folder / "data" / "state"
    written = b"".join(
        path.read_bytes() for path in [state / "mlflow.db", *(state / "models").rglob("*")] if path.is_file()
    )
    assert len(written) > 100_000
    for column in ("patient_id", "nhs_number"):
        found = [value for value in people[column].drop_nulls().to_list() if value.encode() in written]
        assert found == []
    assert list((state / "folds").glob("*.csv")), "who is in which fold stays beside it"


def test_a_run_holds_parameters_metrics_dataset_and_pictures(site) -> None:
    from pophealth.config import load_config
    from pophealth.runs.registry import registry_of

    registry = registry_of(load_config(Path(site.config)))
    version = registry.version(MODEL, "1")
    run = registry._client.get_run(version.run_id)
    assert run.data.params["seed"] == "7"
    assert 0.55 < run.data.metrics["auroc"] < 0.9
    (dataset,) = run.inputs.dataset_inputs
    snapshot = next(site.folder.glob("data/register/*/MANIFEST.json"))
    assert dataset.dataset.digest in json.dumps(json.loads(dataset.dataset.source))
    assert snapshot.is_file()
    listed = {item.path for item in registry._client.list_artifacts(version.run_id)}
    assert {"bundle", "plots", "card.md", "report.json", "signature.json"} <= listed
    for picture in ("calibration", "decision_curve", "subgroups"):
        assert version.file(f"plots/{picture}.png").read_bytes().startswith(b"\x89PNG")
    assert version.tags["folds_sha256"] in {path.stem for path in site.folder.glob("data/state/folds/*.csv")}
    inputs = [
        column["name"] for column in json.loads(json.loads(version.file("signature.json").read_bytes())["inputs"])
    ]
    assert inputs[:2] == ["age_years", "sex"]


def test_a_moved_data_root_still_finds_its_models(site, pophealth) -> None:
    assert promote(site, pophealth, MODEL, 1) == 0
    use(site, MODEL)
    moved = type(site)(site.folder.rename(site.folder.with_name("elsewhere")))
    assert pophealth("run", moved.config, "--index-date", DAY) == 0


def test_a_passed_limit_stops_the_network_where_the_model_says_so(site, pophealth, capsys) -> None:
    text = (site.folder / "models" / MODEL / "model.toml").read_text()
    model = small_model(site.folder / "wary")
    (model / "model.toml").write_text(text.replace("psi_stop = 0.9", "psi_warn = 0.00001\npsi_stop = 0.00002"))
    assert pophealth("models", "train", model, "--config", site.config, "--json") == 0
    version = json.loads(capsys.readouterr().out)["version"]
    assert promote(site, pophealth, MODEL, version) == 0
    use(site, MODEL)
    capsys.readouterr()
    assert pophealth("run", site.config, "--index-date", DAY) == 4
    told = capsys.readouterr().err
    assert "DataContractError" in told
    assert f"limits of model {MODEL} were passed at which it asks to stop" in told
    assert site.deliveries() == []


def test_a_training_without_an_event_or_with_a_constant_predictor_is_refused_by_name(site, pophealth, capsys) -> None:
    model = small_model(site.folder / "poor")
    text = (model / "model.toml").read_text()
    (model / "model.toml").write_text(text.replace('"age_years >= 18"', '"age_years >= 18 AND age_years < 18.5"'))
    assert pophealth("models", "train", model, "--config", site.config) == 3
    assert MODEL in capsys.readouterr().err
    constant = text.replace('"age_years >= 18"', '"has_copd"')
    (model / "model.toml").write_text(constant)
    assert pophealth("models", "train", model, "--config", site.config) == 3
    assert "has_copd" in capsys.readouterr().err
    (model / "card.md").unlink()
    assert pophealth("models", "train", model, "--config", site.config) == 2
    assert "card.md" in capsys.readouterr().err


def test_risks_of_an_earlier_delivery_are_held_against_what_came_of_them(site, pophealth) -> None:
    assert promote(site, pophealth, MODEL, 1) == 0
    use(site, MODEL)
    assert pophealth("run", site.config, "--index-date", "2024-01-31") == 0
    first = {path.name: path for path in site.deliveries()}
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    for delivery in set(site.deliveries()) - set(first.values()):
        seen = json.loads((delivery / "summary.json").read_text())["monitoring"][MODEL]["in_the_large"]
        assert (seen["index_date"], seen["run_id"]) == ("2024-01-31", first[delivery.name].parent.name)
        risks = pl.read_ipc(first[delivery.name] / "patients.arrow")[f"{MODEL}_risk"].drop_nulls()
        assert 0.9 * risks.len() < seen["people"] <= risks.len()
        assert 0 < seen["events"] < seen["people"]
        assert seen["low"] < seen["gap"] < seen["high"]
        assert abs(seen["events"] / seen["people"] - seen["expected"] / seen["people"] - seen["gap"]) < 1e-12
    unripe = next(iter(first.values()))
    assert "in_the_large" not in json.loads((unripe / "summary.json").read_text())["monitoring"][MODEL]


def test_a_site_keeps_its_models_in_postgresql_by_configuration(ingested, pophealth, tmp_path, capsys) -> None:
    programs = postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    site = type(ingested)(Path(shutil.copytree(ingested.folder, tmp_path / "site")))
    with postgres.server(programs) as uri:
        use(site, MODEL, more=f'tracking_uri = "{uri}"\nartifacts = "kept"\n')
        assert pophealth("models", "train", small_model(site.folder / "models"), "--config", site.config) == 0
        assert promote(site, pophealth, MODEL, 1) == 0
        assert pophealth("run", site.config, "--index-date", DAY) == 0
        delivered = site.deliveries()
        assert len(delivered) == 2
        assert not (site.folder / "data" / "state" / "mlflow.db").exists()
        assert list((site.folder / "kept" / MODEL).glob("*/artifacts/bundle/model.json"))
    capsys.readouterr()
    assert pophealth("run", site.config, "--index-date", DAY) == 75, "the server is gone"
    assert "cannot be reached" in capsys.readouterr().err
    assert site.deliveries() == delivered
