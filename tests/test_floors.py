"""The house: imports go down, never up; rooms on floor 2 are blind to each other; one door per dependency."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src" / "pophealth"
FILES = sorted(SRC.rglob("*.py"))

FLOOR = {"errors": 0, "files": 0, "terms": 0, "pseudonyms": 0, "dictionaries": 0, "sparing": 0} | {
    "config": 1,
    "declare": 1,
    "tables": 1,
    "reference": 1,
    "kernels": 1,
}
FLOOR |= dict.fromkeys(("extracts", "register", "population", "features", "scores", "prediction"), 2)
FLOOR |= dict.fromkeys(("cohorts", "planning", "measures", "delivery", "synthetic"), 2)
FLOOR |= {"plan": 3, "line": 3, "runs": 3, "cli": 4, "commands": 4, "__init__": 0}

ON_FLOOR_1 = {("tables", "tables"), ("reference", "tables"), ("config", "declare"), ("declare", "declare")}
"""Edges allowed between rooms of floor 1: facts come in tables."""

DOORS = {
    "numba": {"kernels"},
    "mlflow": {"prediction"},
    "sklearn": {"prediction"},
    "skops": {"prediction"},
    "lifelines": {"prediction"},
    "pandas": {"prediction"},
    "pyspark": {"runs"},
    "typer": {"cli", "commands"},
    "rich": {"cli", "commands"},
    "cryptography": {"delivery", "runs"},
    "dataframely": {"tables"},
    "jinja2": {"delivery"},
    "nhsuk_frontend_jinja": {"delivery"},
    "altair": {"delivery"},
    "vl_convert": {"delivery"},
    "duckdb": set(),
}
BANNED = {"pickle", "joblib", "cloudpickle"}


def room_of(path: Path) -> str:
    first = path.relative_to(SRC).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def rooms_imported(path: Path) -> set[str]:
    rooms = {name.split(".")[1] for name in imports_of(path) if name.startswith("pophealth.")}
    return rooms - {room_of(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_imports_go_down_and_rooms_are_blind(path: Path) -> None:
    here = room_of(path)
    for room in rooms_imported(path):
        if FLOOR[here] == FLOOR[room] == 1:
            assert (here, room) in ON_FLOOR_1, f"{here} may not read {room}"
        elif FLOOR[here] == FLOOR[room] == 2:
            pytest.fail(f"floor 2 is blind to itself: {here} reads {room}")
        else:
            assert FLOOR[room] <= FLOOR[here], (
                f"{here} (floor {FLOOR[here]}) imports upward: {room} (floor {FLOOR[room]})"
            )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_one_door_per_dependency(path: Path) -> None:
    tops = {name.split(".")[0] for name in imports_of(path)}
    assert not tops & BANNED, f"{path}: pickled objects are never read or written here"
    for package, rooms in DOORS.items():
        if package in tops:
            assert room_of(path) in rooms, f"{package} belongs in {sorted(rooms) or 'the tests'} only"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = text.count("\n")
    assert lines <= 300, f"{path.name}: {lines} lines; split by what it gives"
    limit = 100 if room_of(path) == "kernels" else 40
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert length <= limit, f"{path.name}: {node.name} has {length} lines of code (limit {limit})"


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name == "__init__.py"], ids=lambda path: str(path.relative_to(SRC))
)
def test_init_only_re_exports(path: Path) -> None:
    for node in ast.parse(path.read_text("utf-8")).body:
        assert isinstance(node, ast.Import | ast.ImportFrom | ast.Expr | ast.Assign), f"{path}: {type(node).__name__}"


def test_only_the_clock_reads_a_clock() -> None:
    clocks = re.compile(r"date\.today\(|datetime\.now\(|time\.time\(|datetime\.utcnow\(")
    found = [str(path.relative_to(SRC)) for path in FILES if clocks.search(path.read_text("utf-8"))]
    assert set(found) <= {"runs/clock.py"}


HEAVY = ("polars", "numba", "pyarrow", "sklearn", "mlflow", "lifelines", "numpy")


@pytest.mark.parametrize(
    "command", [["--help"], ["rules", "list"], ["scores", "list"], ["status", "CONFIG"]], ids=" ".join
)
def test_light_commands_import_nothing_heavy(command: list[str], tmp_path: Path) -> None:
    import subprocess

    config = tmp_path / "site.toml"
    config.write_text(
        '[site]\nname = "t"\npurpose = "development"\n[extract]\nlayout = "canonical"\npath = "x"\n[extract.supplies]\n'
    )
    arguments = [str(config) if word == "CONFIG" else word for word in command]
    code = (
        "import sys\nfrom pophealth.cli import main\nsys.argv = ['pophealth', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.stderr.write(','.join(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", f"imported: {done.stderr}"


def test_help_imports_nothing_beyond_what_typer_does() -> None:
    import subprocess

    tail = (
        "sys.stderr.write(' '.join(sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)))"
    )
    run = "from pophealth.cli import main\nsys.argv = ['pophealth', '--help']\ntry:\n    main()\nexcept SystemExit:\n    pass\n"

    def modules(code: str) -> set[str]:
        words = [sys.executable, "-c", f"import sys\n{code}\n{tail}"]
        return set(subprocess.run(words, capture_output=True, text=True, check=True).stderr.split())

    assert modules(run) - modules("import typer") == {"pophealth"}
