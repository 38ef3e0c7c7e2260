"""Gives what is wrong with a code, or why it is left out: looked at once per distinct code, not once per row."""

from __future__ import annotations

import numpy as np
import polars as pl

from pophealth.reference import passes_check_digit
from pophealth.terms import CodeSystem

CHECK_DIGIT = "code|check_digit"
CHARACTERS = "code|characters"
SYNTHETIC = "code|synthetic"
RESTRICTED = "restricted_code"
"""Not a fault: the reason why a row is out of scope."""

_CHECKED = (CodeSystem.SNOMED.value, CodeSystem.DMD.value)
_SHAPE = r"^[0-9A-Za-z^%&][0-9A-Za-z.:_/^%&*+-]*$"
"""Letters and digits with the marks that code systems use. What a spreadsheet would run (=, +, -, @) cannot begin one,
and what a page would run (<, >, quotation marks) cannot be in one."""

_PAIR = ("code_system", "code")


class CodeBook:
    """Every distinct code met so far, judged; shared by all parts and tables of an ingest.

    Parameters
    ----------
    synthetic
        The whole source is made up: codes of the system SYNTHETIC are what they say they are.
    restricted
        Columns code_system and code of the site's list of codes that may not be held; None where there is no such list.
    """

    def __init__(self, *, synthetic: bool, restricted: pl.DataFrame | None) -> None:
        self._synthetic = synthetic
        self._restricted = None
        if restricted is not None:
            self._restricted = restricted.select(pl.col(*_PAIR).cast(pl.String)).with_columns(code=_undotted()).unique()
        self._known = pl.DataFrame(schema=dict.fromkeys(_PAIR, pl.String))
        self._wrong = pl.DataFrame(schema=dict.fromkeys((*_PAIR, "judgement"), pl.String))

    def judged(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give the code pairs of `frame` that are not simply right: code_system (its type), code, judgement.

        `judgement` is `RESTRICTED` or the first rule broken. Codes that are missing are not judged.
        """
        system = frame.schema["code_system"]
        met = frame.select(_PAIR).unique().drop_nulls().with_columns(pl.col("code_system").cast(pl.String))
        new = met.join(self._known, on=_PAIR, how="anti")
        if new.height:
            self._known = pl.concat([self._known, new])
            self._wrong = pl.concat([self._wrong, self._judge(new).filter(pl.col("judgement").is_not_null())])
        wrong = self._wrong.join(met, on=_PAIR, how="semi")
        return wrong.with_columns(pl.col("code_system").cast(system))

    def _judge(self, codes: pl.DataFrame) -> pl.DataFrame:
        restricted = pl.lit(value=False)
        if self._restricted is not None:
            plain = codes.with_columns(code=_undotted())
            hits = plain.join(self._restricted.with_columns(hit=True), on=_PAIR, how="left", maintain_order="left")
            restricted = pl.lit(hits["hit"].fill_null(value=False))
        made_up = (pl.col("code_system") == CodeSystem.SYNTHETIC.value) | pl.col("code").str.starts_with("SYN:")
        checked = pl.col("code_system").is_in(_CHECKED) & ~made_up
        # digit by digit, in Python: only of codes that have a check digit
        places = codes.select(checked.fill_null(value=False).arg_true()).to_series()
        wrong_digit = np.zeros(codes.height, bool)
        wrong_digit[places.to_numpy()] = ~passes_check_digit(codes["code"].gather(places)).to_numpy()
        return codes.with_columns(
            judgement=pl.when(restricted)
            .then(pl.lit(RESTRICTED))
            .when(made_up & (not self._synthetic))
            .then(pl.lit(SYNTHETIC))
            .when(~pl.col("code").str.contains(_SHAPE))
            .then(pl.lit(CHARACTERS))
            .when(pl.lit(pl.Series(wrong_digit)))
            .then(pl.lit(CHECK_DIGIT))
        )

    def restricted_diagnoses(self) -> list[str]:
        """Give the restricted codes of diagnoses, without dots, as spells hold them."""
        if self._restricted is None:
            return []
        mine = self._restricted.filter(pl.col("code_system") == CodeSystem.ICD10.value)
        return mine["code"].to_list()


def _undotted() -> pl.Expr:
    """Give codes as they are compared with restricted ones: diagnoses with and without a dot are the same."""
    is_diagnosis = pl.col("code_system") == CodeSystem.ICD10.value
    return pl.when(is_diagnosis).then(pl.col("code").str.replace_all(".", "", literal=True)).otherwise("code")
