"""Silence is an error, by expectation."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from pophealth.cohorts import silence_problem, silence_report
from pophealth.declare import Feature, parse_feature
from pophealth.errors import DataContractError


def features(**shares: float | None) -> dict[str, Feature]:
    made = {}
    for name, share in shares.items():
        kind: dict[str, Any] = (
            {"kind": "has", "codelist": "x"} if name.startswith("has") else {"kind": "count", "codelist": "x"}
        )
        made[name] = parse_feature(name, kind | {"source": "s"} | ({"share": share} if share else {}))
    return made


def people(n: int, **columns: object) -> pl.DataFrame:
    return pl.DataFrame({"patient_id": [str(place) for place in range(n)]}).with_columns(
        **{name: pl.lit(value) for name, value in columns.items()}
    )


def test_the_chance_of_nobody() -> None:
    assert silence_problem(0.5, 3, 0) == 0.125
    assert silence_problem(0.5, 3, 1) is None


@pytest.mark.parametrize(("n", "stops"), [(83, False), (84, True)])
def test_a_network_stops_under_one_in_a_million(n: int, stops: bool) -> None:
    # 0.848 ** 83 = 1.1e-6, 0.848 ** 84 = 9.6e-7
    declared = features(has_hypertension=0.152)
    frame = people(n, has_hypertension=False)
    if stops:
        with pytest.raises(DataContractError, match="has_hypertension"):
            silence_report(frame, declared, {}, network="U12345")
    else:
        (line,) = silence_report(frame, declared, {}, network="U12345")
        assert line["feature"] == "has_hypertension"
        assert line["chance"] == pytest.approx(0.848**83)


def test_found_unshared_uncomputable_and_absent_features_are_no_silence() -> None:
    declared = features(has_found=0.5, has_none=None, has_unknown=0.5, has_absent=0.5, count=0.5)
    frame = people(100, has_found=True, has_none=False, has_unknown=None, count=2)
    assert silence_report(frame, declared, {"has_unknown": "events not supplied"}, network="U12345") == []
    with pytest.raises(DataContractError, match="count"):
        silence_report(frame.with_columns(count=pl.lit(0)), declared, {"has_unknown": "x"}, network="U12345")
