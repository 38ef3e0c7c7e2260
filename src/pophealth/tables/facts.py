"""Gives the contracts of tables that are about no person: organisations, areas, medicines, care homes, recall dates."""

from __future__ import annotations

from typing import ClassVar

import dataframely as dy
import polars as pl

from pophealth.tables.base import Table, code_column, code_system_column, patient_id_column


class Memberships(Table):
    """Practice to network, dated `[start_date, end_date)`. Published ends are inclusive; loading makes them half-open."""

    optional: ClassVar[frozenset[str]] = frozenset({"practice_name", "end_date"})

    practice_code = dy.String(nullable=False, regex=r"^[A-Z][0-9A-Z]{5}$")
    practice_name = dy.String(nullable=True)
    network_code = dy.String(nullable=False, regex=r"^U[0-9]{5}$")
    start_date = dy.Date(nullable=False)
    end_date = dy.Date(nullable=True)


class Networks(Table):
    """Network to place, sub-ICB and ICB. A network can lie in two ICBs: several rows."""

    optional: ClassVar[frozenset[str]] = frozenset({"network_name", "place_code", "sub_icb_code", "icb_code"})

    network_code = dy.String(nullable=False, regex=r"^U[0-9]{5}$")
    network_name = dy.String(nullable=True)
    place_code = dy.String(nullable=True)
    sub_icb_code = dy.String(nullable=True, regex=r"^[0-9A-Z]{3}$|^[0-9A-Z]{5}$")
    icb_code = dy.String(nullable=True, regex=r"^[0-9A-Z]{3}$|^[0-9A-Z]{5}$")  # merged boards have five characters


class Areas(Table):
    """Deprivation of a small area: the edition (2019 or 2025) belongs to the boundary year (2011 or 2021)."""

    lsoa_code = dy.String(nullable=False, primary_key=True)
    lsoa_vintage = dy.Int16(nullable=False, primary_key=True)
    imd_edition = dy.Int16(nullable=False)
    imd_rank = dy.Int32(nullable=False, min=1)
    imd_decile = dy.Int8(nullable=False, min=1, max=10)  # 1 = most deprived tenth

    @dy.rule()
    def edition_fits_vintage(cls) -> pl.Expr:
        return ((cls.lsoa_vintage.col == 2011) & (cls.imd_edition.col == 2019)) | (
            (cls.lsoa_vintage.col == 2021) & (cls.imd_edition.col == 2025)
        )


class MedicineMap(Table):
    """A site's map from a product to its chemical substance and BNF code."""

    optional: ClassVar[frozenset[str]] = frozenset({"bnf_code"})

    code = code_column()
    code_system = code_system_column()
    substance = dy.String(nullable=False, min_length=1)
    bnf_code = dy.String(nullable=True)


class CareHomes(Table):
    """Care homes aligned to a network, with beds."""

    optional: ClassVar[frozenset[str]] = frozenset({"home_name", "practice_code", "home_type"})

    home_id = dy.String(nullable=False)
    home_name = dy.String(nullable=True)
    network_code = dy.String(nullable=False, regex=r"^U[0-9]{5}$")
    practice_code = dy.String(nullable=True)
    home_type = dy.String(nullable=True)
    beds = dy.Int32(nullable=False, min=0)


class NextTests(Table):
    """Date a screening programme's call and recall says a person is next due."""

    patient_id = patient_id_column()
    programme = dy.Enum(["bowel", "breast", "cervical"], nullable=False)
    due_date = dy.Date(nullable=False)
