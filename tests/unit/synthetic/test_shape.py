"""One network of 40,000 people beside England's published figures: registers, ages, deprivation. Both sides are printed."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl
import pytest

from pophealth.reference import CodelistLibrary, load_library
from pophealth.synthetic.england import QOF, REGISTERED

INDEX_DATE = date(2025, 1, 31)
LONG_AGO = date(1900, 1, 1)


class Counted:
    """People registered on the index date and the registers counted from their codes, apart from the product's features."""

    def __init__(self, extract) -> None:
        self.library: CodelistLibrary = load_library(extract.folder / "codelists")
        stays = extract.read("registrations").filter(
            pl.col("start_date") <= INDEX_DATE,
            pl.col("end_date").is_null() | (pl.col("end_date") > INDEX_DATE),
            pl.col("registration_type") == "regular",
        )
        dead = extract.read("deaths").filter(pl.col("death_date") <= INDEX_DATE)
        self.people = (
            extract.read("patients")
            .join(stays, on="patient_id", how="semi")
            .join(dead, on="patient_id", how="anti")
            .with_columns(age=whole_years(pl.col("birth_date")))
        )
        self.events = extract.read("events").join(self.people.select("patient_id"), on="patient_id", how="semi")
        self.measurements = extract.read("measurements").join(
            self.people.select("patient_id"), on="patient_id", how="semi"
        )
        self.medications = extract.read("medications")

    def dated(self, codelist: str, since: date = LONG_AGO) -> dict[str, date]:
        codes = self.library.get(codelist).codes.select("code", "code_system")
        rows = self.events.join(codes, on=["code", "code_system"], how="semi").filter(pl.col("date") >= since)
        return dict(rows.group_by("patient_id").agg(pl.col("date").max()).rows())

    def unresolved(self, codelist: str, resolved_by: str, since: date = LONG_AGO) -> set[str]:
        resolved = self.dated(resolved_by)
        return {who for who, day in self.dated(codelist, since).items() if day > resolved.get(who, LONG_AGO)}

    def ages(self) -> dict[str, int]:
        return dict(self.people.select("patient_id", "age").rows())

    def obese(self) -> set[str]:
        codes = self.library.get("bmi").codes["code"].to_list()
        latest = (
            self.measurements.filter(pl.col("code").is_in(codes))
            .sort("date")
            .group_by("patient_id", maintain_order=True)
            .last()
        )
        stated: dict[str, tuple[date, bool]] = {}
        for group in ("white", "mixed", "asian", "black", "other"):
            for who, day in self.dated(f"ethnicity_{group}").items():
                stated[who] = max(stated.get(who, (LONG_AGO, False)), (day, group != "white"))
        minority = {who for who, (_, other) in stated.items() if other}
        return {
            who
            for who, value in latest.select("patient_id", "value").rows()
            if value >= (27.5 if who in minority else 30)
        }

    @cached_property
    def registers(self) -> dict[str, set[str]]:
        """Registers as service-specs 11.1 has them, drug and test conditions aside."""
        fracture = self.dated("fragility_fracture", date(2012, 4, 1))
        ages = self.ages()
        broken = {who for who, day in fracture.items() if ages[who] < 75 or day >= date(2014, 4, 1)}
        diabetic = self.dated("diabetes")
        return {
            "AF": self.unresolved("atrial_fibrillation", "atrial_fibrillation_resolved"),
            "AST": self.unresolved("asthma", "asthma_resolved"),
            "CAN": set(self.dated("cancer", date(2003, 4, 1))),
            "CHD": set(self.dated("coronary_heart_disease")),
            "CKD": self.unresolved("ckd_3_to_5", "ckd_1_and_2+ckd_resolved"),
            "COPD": self.unresolved("copd", "copd_resolved"),
            "DEM": set(self.dated("dementia")),
            "DEP": self.unresolved("depression", "depression_resolved", date(2006, 4, 1)),
            "DM": self.unresolved("diabetes", "diabetes_resolved"),
            "EP": self.unresolved("epilepsy", "epilepsy_resolved"),
            "HF": self.unresolved("heart_failure", "heart_failure_resolved"),
            "HYP": self.unresolved("hypertension", "hypertension_resolved"),
            "LD": set(self.dated("learning_disability")),
            "MH": set(self.dated("severe_mental_illness")),
            "NDH": set(self.dated("non_diabetic_hyperglycaemia")) - set(diabetic),
            "OB": self.obese(),
            "OST": broken & set(self.dated("osteoporosis")),
            "PAD": set(self.dated("peripheral_arterial_disease")),
            "PC": self.unresolved("palliative_care", "palliative_care_not_indicated", date(2008, 4, 1)),
            "RA": set(self.dated("rheumatoid_arthritis")),
            "STIA": set(self.dated("stroke+tia")),
        }


def whole_years(born: pl.Expr) -> pl.Expr:
    ahead = (born.dt.month().cast(pl.Int32) * 100 + born.dt.day()) > INDEX_DATE.month * 100 + INDEX_DATE.day
    return INDEX_DATE.year - born.dt.year() - ahead.cast(pl.Int32)


@pytest.fixture(scope="module")
def counted(large) -> Counted:
    return Counted(large)


@pytest.fixture(scope="module")
def england_qof(shared_data: Path) -> dict[str, tuple[float, int]]:
    """Give the published registers: share, and the age from which the list counts."""
    rows = pl.read_parquet(shared_data / "reference" / "qof_prevalence_2024-25.parquet").select(
        "GROUP_CODE",
        "PATIENT_LIST_TYPE",
        pl.col("REGISTER").cast(pl.Float64),
        pl.col("PRACTICE_LIST_SIZE").cast(pl.Int64),
    )
    sums = rows.group_by("GROUP_CODE", "PATIENT_LIST_TYPE").sum()
    return {
        code: (people / size, 0 if kind == "TOTAL" else int(kind.removesuffix("OV")))
        for code, kind, people, size in sums.rows()
    }


def test_every_qof_register_is_within_15_percent_of_england(counted, england_qof, capsys) -> None:
    ages, found = counted.ages(), counted.registers
    assert set(found) == set(england_qof)
    off: dict[str, float] = {}
    with capsys.disabled():
        for code, (share, from_age) in sorted(england_qof.items()):
            counts = [who for who, age in ages.items() if age >= from_age]
            here = len(found[code] & set(counts)) / len(counts)
            if abs(here / share - 1) > 0.15:
                off[code] = here / share
    assert off == {}


def test_every_sex_and_five_year_band_is_within_half_a_point(counted, shared_data, capsys) -> None:
    rows = pl.read_parquet(shared_data / "reference" / "registered_patients_age_sex_2026-07.parquet")
    rows = rows.filter((pl.col("ORG_TYPE") == "GP") & (pl.col("SEX") != "ALL") & (pl.col("AGE_GROUP_5") != "ALL"))
    published = rows.group_by("SEX", "AGE_GROUP_5").agg(pl.col("NUMBER_OF_PATIENTS").sum())
    total = published["NUMBER_OF_PATIENTS"].sum()
    band = pl.min_horizontal(pl.col("age") // 5 * 5, 95)
    here = {
        f"{sex} {first}": count for sex, first, count in counted.people.group_by("sex", band=band).agg(pl.len()).rows()
    }
    off: dict[str, float] = {}
    with capsys.disabled():
        for sex, name, people in sorted(
            published.rows(), key=lambda row: (row[0], int(row[1].split("_")[0].rstrip("+")))
        ):
            key = f"{sex.lower()} {int(name.split('_')[0].rstrip('+'))}"
            share, wanted = here.get(key, 0) / counted.people.height, people / total
            if abs(share - wanted) > 0.005:
                off[key] = share - wanted
    assert off == {}


def test_each_fifth_of_deprivation_holds_a_fifth_of_people(counted, large, capsys) -> None:
    areas = pl.read_parquet(large.folder / "areas.parquet")
    known = counted.people.join(areas, on="lsoa_code").with_columns(quintile=(pl.col("imd_decile") + 1) // 2)
    shares = known["quintile"].value_counts(normalize=True).sort("quintile")
    with capsys.disabled():
        for _quintile, _share in shares.rows():
            pass
    assert shares.height == 5
    assert shares["proportion"].is_between(0.18, 0.22).all()
    assert known.height > 0.99 * counted.people.height
    assert known.height < counted.people.height  # some have no area, or one that no English index ranks


def test_deprivation_ranks_belong_to_their_deciles(large, shared_data) -> None:
    published = pl.read_csv(shared_data / "reference" / "imd2025_lsoa21.csv", infer_schema=False).select(
        decile=pl.col("imd2025_decile").cast(pl.Int64), rank=pl.col("imd2025_rank").cast(pl.Int64)
    )
    bounds = {
        decile: (low, high)
        for decile, low, high in published.group_by("decile")
        .agg(low=pl.col("rank").min(), high=pl.col("rank").max())
        .rows()
    }
    for decile, rank in pl.read_parquet(large.folder / "areas.parquet").select("imd_decile", "imd_rank").rows():
        low, high = bounds[decile]
        assert low <= rank <= high


def test_figures_written_down_are_the_published_ones(shared_data, england_qof) -> None:
    rows = pl.read_parquet(shared_data / "reference" / "registered_patients_age_sex_2026-07.parquet")
    rows = (
        rows.filter(pl.col("ORG_TYPE") == "GP").group_by("SEX", "AGE_GROUP_5").agg(pl.col("NUMBER_OF_PATIENTS").sum())
    )
    published = {(sex, band): people for sex, band, people in rows.rows()}
    for band, (women, men) in REGISTERED.items():
        assert (women, men) == (published["FEMALE", band], published["MALE", band])
    for code, register in QOF.items():
        assert (register.share, register.from_age) == (pytest.approx(england_qof[code][0]), england_qof[code][1])


def test_care_is_given_to_about_as_many_as_expected(counted, large) -> None:
    """Sizes of service-specs 11.4 that are not registers, within wide bounds: they are marked K there."""
    ages, size = counted.ages(), counted.people.height
    old = {who for who, age in ages.items() if age >= 65}
    grades = {name: counted.dated(f"frailty_{name}") for name in ("mild", "moderate", "severe")}
    latest: dict[str, tuple[date, str]] = {}
    for name, dates in grades.items():
        for who, day in dates.items():
            latest[who] = max(latest.get(who, (LONG_AGO, "")), (day, name))
    share = {
        name: sum(grade == name and who in old for who, (_, grade) in latest.items()) / len(old) for name in grades
    }
    assert 0.02 < share["severe"] < 0.045
    assert 0.07 < share["moderate"] < 0.13
    residents = set(counted.dated("care_home_nursing")) | set(counted.dated("care_home_residential"))
    assert 0.005 < len(residents) / size < 0.0085
    year_ago = INDEX_DATE - timedelta(days=365)
    assert 0.01 < len(counted.dated("social_prescribing_referral", year_ago)) / size < 0.02
    stated = set().union(
        *(counted.dated(f"ethnicity_{group}") for group in ("white", "mixed", "asian", "black", "other"))
    )
    assert 0.9 < len(stated) / size < 0.96
    supply = pl.col("days_supply").fill_null(28).cast(pl.Int64)
    running = counted.medications.filter(
        pl.col("is_repeat").fill_null(value=True) & (pl.col("date") + pl.duration(days=supply) >= INDEX_DATE)
    ).join(pl.read_parquet(large.folder / "medicine_map.parquet"), on="code")
    many = running.group_by("patient_id").agg(pl.col("substance").n_unique()).filter(pl.col("substance") >= 10)
    assert 0.02 < many.join(counted.people, on="patient_id", how="semi").height / size < 0.05


def test_deprived_and_older_people_are_sicker(counted, large) -> None:
    areas = pl.read_parquet(large.folder / "areas.parquet")
    people = counted.people.join(areas, on="lsoa_code").with_columns(
        copd=pl.col("patient_id").is_in(list(counted.registers["COPD"])),
        diabetic=pl.col("patient_id").is_in(list(counted.registers["DM"])),
        hypertensive=pl.col("patient_id").is_in(list(counted.registers["HYP"])),
    )
    middle_aged = people.filter(pl.col("age").is_between(45, 74))
    poor, rich = (middle_aged.filter(pl.col("imd_decile").is_in(tenths)) for tenths in ([1, 2], [9, 10]))
    assert poor["copd"].mean() > 1.8 * rich["copd"].mean()
    assert (
        people.filter(pl.col("age") > 75)["hypertensive"].mean()
        > 2 * people.filter(pl.col("age") < 60)["hypertensive"].mean()
    )
    together = people.filter(pl.col("diabetic"))["hypertensive"].mean()
    assert together > 2 * people["hypertensive"].mean()
