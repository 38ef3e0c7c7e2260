"""Gives what a synthetic network is measured against: England's registers, ages and deprivation, as published."""

from __future__ import annotations

from dataclasses import dataclass

# Registered patients of 6,139 practices by sex and five-year band (NHS England, Patients Registered at a GP Practice,
# 1 July 2026; reference pack: registered_patients_age_sex_2026-07.parquet, ORG_TYPE GP). OGL v3.
REGISTERED: dict[str, tuple[int, int]] = {
    "0_4": (1_402_572, 1_474_931),
    "5_9": (1_633_875, 1_716_919),
    "10_14": (1_828_840, 1_922_334),
    "15_19": (1_873_541, 1_964_187),
    "20_24": (1_904_726, 1_925_610),
    "25_29": (2_168_239, 2_206_555),
    "30_34": (2_295_483, 2_343_167),
    "35_39": (2_347_581, 2_418_300),
    "40_44": (2_179_334, 2_267_946),
    "45_49": (1_965_075, 2_074_450),
    "50_54": (1_877_720, 1_962_527),
    "55_59": (2_008_054, 2_039_701),
    "60_64": (1_953_439, 1_947_199),
    "65_69": (1_657_890, 1_605_551),
    "70_74": (1_388_168, 1_278_679),
    "75_79": (1_350_622, 1_180_079),
    "80_84": (950_688, 772_459),
    "85_89": (574_987, 405_014),
    "90_94": (279_554, 160_561),
    "95+": (93_661, 36_290),
}
"""Five-year band to (female, male)."""


@dataclass(frozen=True)
class Register:
    """A QOF register: people on it, people of the list it is a share of, and from which age that list counts."""

    people: int
    list_size: int
    from_age: int

    @property
    def share(self) -> float:
        """Share of the list of that age."""
        return self.people / self.list_size


# QOF 2024-25, England, sums over 6,188 practices (NHS England; reference pack: qof_prevalence_2024-25.parquet). OGL v3.
QOF: dict[str, Register] = {
    "AF": Register(1_427_589, 63_766_671, 0),
    "AST": Register(3_944_639, 60_173_164, 6),
    "CAN": Register(2_424_102, 63_766_671, 0),
    "CHD": Register(1_899_633, 63_766_671, 0),
    "CKD": Register(2_378_168, 51_293_187, 18),
    "COPD": Register(1_207_974, 63_766_671, 0),
    "DEM": Register(498_887, 63_766_671, 0),
    "DEP": Register(7_317_368, 51_293_187, 18),
    "DM": Register(4_109_134, 52_049_752, 17),
    "EP": Register(409_409, 51_293_187, 18),
    "HF": Register(700_138, 63_766_671, 0),
    "HYP": Register(9_711_491, 63_766_671, 0),
    "LD": Register(374_763, 63_766_671, 0),
    "MH": Register(648_282, 63_766_671, 0),
    "NDH": Register(4_713_729, 51_293_187, 18),
    "OB": Register(7_119_370, 51_293_187, 18),
    "OST": Register(279_977, 23_378_590, 50),
    "PAD": Register(353_888, 63_766_671, 0),
    "PC": Register(356_543, 63_766_671, 0),
    "RA": Register(415_528, 52_809_249, 16),
    "STIA": Register(1_204_419, 63_766_671, 0),
}
"""Register code to its size in England."""

QUINTILE_SHARE = 0.2
"""Share of people in each fifth of small areas by deprivation: the fifths are made to hold a fifth of areas each."""

CARE_HOME_SHARE = 0.0065
"""Care-home residents, share of the list: 0.6 to 0.7 % (service-specs 11.4, marked K)."""

IMD_2025_AREAS = 33_755
"""Small areas of England of 2021 that IMD 2025 ranks (MHCLG; reference pack: imd2025_lsoa21.csv)."""


def band_of(name: str) -> tuple[int, int]:
    """Give first and last age of a five-year band; the open band 95+ is given five years more than it shows deaths."""
    first, _, last = name.partition("_")
    return (int(first), int(last)) if last else (95, 104)
