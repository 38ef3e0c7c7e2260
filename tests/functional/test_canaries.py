"""Where an NHS number may stand: the identity apart, and the listed in delivered members. Nowhere else, and in no message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

DAY = "2025-01-31"


def numbers_of(site) -> frozenset[str]:
    frames = [pl.read_parquet(path) for path in site.folder.glob("**/identity/*.parquet")]
    return frozenset(pl.concat(frames)["nhs_number"].drop_nulls())


def texts_of(path: Path) -> Iterator[str]:
    """Everything a file says: its bytes, and what they hold once unpacked."""
    yield path.read_bytes().decode("latin-1")
    if path.suffix == ".parquet":
        yield str(pl.read_parquet(path).select(pl.col(pl.String)).to_dict(as_series=False))
    elif path.suffix == ".arrow":
        try:
            frame = pl.read_ipc(path)
        except pl.exceptions.PolarsError:
            return
        yield str(frame.select(pl.col(pl.String, pl.Categorical).cast(pl.String)).to_dict(as_series=False))


def found_in(path: Path, numbers: frozenset[str]) -> set[str]:
    """NHS numbers in a file: ten digits standing together anywhere in it."""
    import re

    return {hit for text in texts_of(path) for hit in re.findall(r"(?=([0-9]{10}))", text) if hit in numbers}


def written_by_us(site) -> list[Path]:
    return [path for path in sorted((site.folder / "data").rglob("*")) if path.is_file()]


def test_numbers_stand_apart_and_with_the_listed_only(site, pophealth) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    numbers = numbers_of(site)
    assert len(numbers) > 1000
    holding = {path: hits for path in written_by_us(site) if (hits := found_in(path, numbers))}
    places = {path.parent.name if "identity" in path.parts else path.name for path in holding}
    assert places == {"identity", "members.arrow", "worklist.arrow"}
    for path, hits in holding.items():
        rows = pl.read_ipc(path) if path.suffix == ".arrow" else None
        if path.name == "members.arrow":
            listed = rows.filter(pl.col("status").cast(pl.String) == "listed")["nhs_number"].drop_nulls()
            assert hits == set(listed), "also in no unused byte of the file"
        elif path.name == "worklist.arrow":
            assert hits == set(rows["nhs_number"].drop_nulls())


def test_a_practice_sees_its_own_people_only(site, pophealth) -> None:
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    for path in site.folder.glob("**/practices/*/members.arrow"):
        rows = pl.read_ipc(path)
        assert set(rows["practice_code"].cast(pl.String)) == {path.parent.name}


@pytest.mark.parametrize("purpose", ["development", "commissioning"])
def test_no_other_purpose_delivers_a_number(site, pophealth, purpose: str) -> None:
    config = Path(site.config)
    text = config.read_text().replace('purpose = "case_finding"', f'purpose = "{purpose}"')
    config.write_text("".join(line for line in text.splitlines(keepends=True) if "network_sharing" not in line))
    assert pophealth("ingest", config) == 0
    assert pophealth("run", config, "--index-date", DAY) == 0
    numbers = numbers_of(site)
    delivered = [path for path in written_by_us(site) if "deliveries" in path.parts]
    assert delivered
    assert not [path.name for path in delivered if found_in(path, numbers)]
    names = {path.name for path in delivered}
    assert names == {"COMMITTED", "MANIFEST.json", "MANIFEST.sig", "summary.json"} | (
        {f"{name}.arrow" for name in ("members", "patients", "evidence", "plan", "worklist", "changes")}
        if purpose == "development"
        else set()
    )


def test_no_message_shows_a_number_or_a_pseudonym(site, pophealth, capfd) -> None:
    """Whatever goes wrong: a damaged bucket, an unknown person, a damaged list, a spoiled delivery."""
    numbers = numbers_of(site)
    people = pl.concat([pl.read_parquet(path) for path in site.folder.glob("**/identity/*.parquet")])
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    delivery = site.deliveries()[0]
    assert pophealth("status", site.config) == 0
    assert pophealth("verify", delivery) == 0
    words = ("explain", site.config, "--run", delivery.parent.name, "--network", delivery.name)
    assert pophealth(*words, "--patient", "0" * 32) == 2
    (delivery / "summary.json").write_text("{}")
    assert pophealth("verify", delivery) == 5
    national = site.folder / "national.csv"
    national.write_text(f"# as_of: {DAY}\nnhs_number\n{next(iter(numbers))}x\n")
    Path(site.config).write_text(Path(site.config).read_text() + '\n[opt_outs]\nnational_list = "national.csv"\n')
    assert pophealth("run", site.config, "--index-date", DAY) == 2
    from pophealth.runs.clock import today

    national.write_text(f"# as_of: {today()}\nnhs_number\n{next(iter(numbers))}x\n")
    assert pophealth("run", site.config, "--index-date", DAY) == 2
    national.write_text(f"# as_of: {today()}\nnhs_number\n")
    for path in sorted((site.folder / "data").glob("register/**/archive/patients.parquet"))[:1]:
        path.write_bytes(path.read_bytes()[:-8])
    pophealth("run", site.config, "--index-date", DAY)
    said = "".join(capfd.readouterr())
    journal = "".join(path.read_text() for path in (site.folder / "data" / "journal").iterdir())
    for text in (said, journal):
        assert not [number for number in numbers if number in text]
        assert not [name for name in people["patient_id"].to_list() if name in text]
        assert "Traceback" not in text
