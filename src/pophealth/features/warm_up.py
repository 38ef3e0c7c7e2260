"""Gives kernels ready to run: every one is compiled, or read from the disk, before the first practice needs it."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from pophealth.config import Supplies
from pophealth.declare import KINDS, Feature, parse_feature
from pophealth.features.archived import ARCHIVED_KINDS
from pophealth.features.evaluate import evaluate_dates
from pophealth.features.plan import compile_plan
from pophealth.kernels.postings import Shard
from pophealth.reference import CodelistLibrary
from pophealth.reference.codelists import Codelist
from pophealth.reference.codes import COLUMNS

_SYSTEM = "SYNTHETIC"
_OPTIONS: dict[str, object] = {
    "resolved_by": "warm",
    "followed_by": "warm",
    "preceded_by": "warm",
    "paired_with": "warm",
    "with": "warm",
    "categories": {"warm": "warm"},
    "weights": {"warm": 1},
    "days": 1,
    "meets": [0.0, 1.0],
    "at_least": [0.0, 0.0],
}


def warm_up() -> None:
    """Run a plan of every kind over one person without a record, at one date and at two: no later plan compiles anything."""
    codes = pl.DataFrame([("SYN:0", _SYSTEM, None, "1")], schema=COLUMNS, orient="row")
    library = CodelistLibrary({"warm": Codelist("warm", "warm", "1", "made up", "none", codes)})
    features: dict[str, Feature] = {}
    for kind, described in KINDS.items():
        if described.is_derived or kind in ARCHIVED_KINDS:
            continue
        table: dict[str, object] = {"kind": kind, "codelist": "warm", "source": "made up"}
        table |= {key: _OPTIONS[key] for key in described.needs}
        feature = parse_feature(kind, table)
        features |= dict.fromkeys(feature.outputs, feature)
    extra = {"kind": "substance_weight_sum", "codelist": "warm", "current": True, "source": "made up"}
    features["current_weight"] = parse_feature("current_weight", extra)
    everything = (_SYSTEM,)
    supplies = Supplies(
        events=everything, medications=everything, measurements=everything, spells=True, attendances=True, medicine_map=True
    )  # fmt: skip
    medicines = pl.DataFrame({"code": ["SYN:0"], "code_system": [_SYSTEM], "substance": ["s"], "bnf_code": [None]})
    dictionary = pl.DataFrame({"concept": np.zeros(1, np.uint32), "code_system": [_SYSTEM], "code": ["SYN:0"]})
    plan = compile_plan(list(features), features, library, supplies, lambda _: dictionary, ("",), medicines)
    people = pl.DataFrame({"patient_id": ["0"]})
    days = [date(2000, 1, 1), date(2000, 2, 1)]
    for asked in (days[:1], days):  # one date and many take different ways through substances
        for _ in evaluate_dates(plan, [Shard(0, 1, {}, {})], people, asked, ["1999-00"] * len(asked)):
            pass
