"""A site's map from product to substance."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pophealth.errors import DataContractError
from pophealth.reference import load_medicine_map
from pophealth.tables import MedicineMap


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_each_product_and_substance_once(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"map{suffix}"
    frame = pl.DataFrame({"code": ["01", "01", "2"], "code_system": ["dm+d"] * 3, "substance": ["a", "a", "b"]})
    frame.write_csv(path) if suffix == ".csv" else frame.write_parquet(path)
    rows = load_medicine_map(path)
    assert rows.schema == MedicineMap.create_empty().schema
    assert rows["code"].to_list() == ["01", "2"], "a code keeps its leading zero"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("code,substance\n1,a\n", "columns code_system are missing"),
        ("code,code_system,substance\n1,dm+d,\n", "1 breaches in 1 rows"),
        ("code,code_system,substance\n1,dmd,a\n", "1 breaches in 1 rows"),
        ("code,code_system,substance\n", "0 breaches in 0 rows"),
    ],
)
def test_a_damaged_map_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "map.csv"
    path.write_text(text)
    with pytest.raises(DataContractError, match=said):
        load_medicine_map(path)
