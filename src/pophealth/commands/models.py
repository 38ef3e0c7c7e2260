"""Gives the commands about fitted models: train, list, compare, promote, card, frame."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pophealth.commands.output import note, say, say_json, say_table
from pophealth.errors import UsageError

if TYPE_CHECKING:
    from pophealth.runs.promotions import Promotion

models_app = typer.Typer(help="The fitted models.", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Option("--config", metavar="CONFIG", help="The site's TOML file.")]
ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL_FOLDER", help="Folder with model.toml and card.md.")]
Which = Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="A version number or an alias behind the @.")]
Alias = Annotated[str, typer.Option(help="champion (what runs score with) or challenger.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(models_app, name="models")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Give what training tells its progress to: a bar on a terminal, else a line whenever it turns to something new."""
    if not sys.stderr.isatty():
        said: set[str] = set()

        def line(what: str, _done: int, _of: int) -> None:
            if what not in said:
                said.add(what)
                note(what)

        yield line
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bars: dict[str, Any] = {}

        def bar(what: str, done: int, of: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=of)
            progress.update(bars[what], completed=done, total=of)

        yield bar


@models_app.command("train")
def models_train(folder: ModelFolder, *, config: ConfigFile, json: bool = False) -> None:
    """Train a model on the register and register what came out as a new version; nothing scores with it yet."""
    from pophealth.config import load_config
    from pophealth.runs.retrain import retrain

    with _progress() as progress:
        version, gates = retrain(load_config(config), folder, progress)
    shut = [gate.words() for gate in gates if not gate.passed]
    if json:
        say_json(
            {
                "model_id": version.model_id,
                "version": version.version,
                "run_id": version.run_id,
                "folder": str(version.folder),
                "gates_passed": not shut,
                "gates_shut": shut,
            }
        )
        return
    say(f"registered {version.model_id} version {version.version}; its files are in {version.folder}")
    for words in shut:
        say(f"gate shut: {words}")
    if not shut:
        say(f"every gate passed; let runs score with it: pophealth models promote {version.model_id} --version "
            f"{version.version} --by NAME --reason TEXT --config {config}")  # fmt: skip


@models_app.command("list")
def models_list(*, config: ConfigFile, json: bool = False) -> None:
    """List the registered versions: aliases, estimator, AUROC, whether the gates passed, who promoted them."""
    from pophealth.config import load_config
    from pophealth.runs.models import list_versions

    rows = list_versions(load_config(config))
    if json:
        say_json(rows)
        return
    if not rows:
        say("no model yet; `pophealth models train` registers one")
        return
    head = ("model_id", "version", "aliases", "estimator", "auroc", "calibration_slope", "gates", "promoted_by")
    say_table(head, [[_cell(row[name]) for name in head] for row in rows])


def _cell(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return f"{value:.3f}" if isinstance(value, float) else ("" if value is None else value)


@models_app.command("compare")
def models_compare(first: Which, second: Which, *, config: ConfigFile, json: bool = False) -> None:
    """Compare two versions figure by figure, everybody's and each group's."""
    from pophealth.config import load_config
    from pophealth.runs.models import compare_versions

    rows = compare_versions(load_config(config), _named(first), _named(second))
    if json:
        say_json(rows)
        return
    head = ("group", "figure", "first", "second", "difference")
    say_table(head, [[_cell(row[name]) for name in head] for row in rows])


@models_app.command("promote")
def models_promote(
    model: Annotated[str, typer.Argument(metavar="MODEL")],
    *,
    config: ConfigFile,
    by: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the promotion log.")],
    version: Annotated[int | None, typer.Option(min=1, help="The version that the alias shall mean.")] = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="Back to what the alias meant before.")] = False,
    alias: Alias = "champion",
    json: bool = False,
) -> None:
    """Let an alias mean a version that passes its gates, or roll it back; the promotion log keeps who and why."""
    from pophealth.config import load_config
    from pophealth.runs.promote import ALIASES, promote, roll_back

    if (version is None) != rollback or alias not in ALIASES:
        msg = f"give --version N, or --rollback; --alias is one of {', '.join(ALIASES)}"
        raise UsageError(msg)
    site = load_config(config)
    if version is None:
        entry = roll_back(site, model, alias=alias, by=by, reason=reason)
    else:
        entry = promote(site, model, version, alias=alias, by=by, reason=reason)
    _say_promotion(entry, site.site.data_root, json=json)


def _say_promotion(entry: Promotion, data_root: Path, *, json: bool) -> None:
    from dataclasses import asdict

    from pophealth.runs.promotions import log_file

    if json:
        say_json(asdict(entry) | {"log": str(log_file(data_root))})
        return
    before = f" (before: {entry.previous_version})" if entry.previous_version else ""
    say(f"{entry.alias} of {entry.model_id} is version {entry.version}{before}; written to {log_file(data_root)}")


@models_app.command("card")
def models_card(which: Which, *, config: ConfigFile, json: bool = False) -> None:
    """Show a version's card: for whom it is, what it reached, by group, and its gates."""
    from pophealth.config import load_config
    from pophealth.runs.models import card_of

    card = card_of(load_config(config), _named(which))
    if json:
        say_json(card)
        return
    say(card["card"].rstrip())
    say()
    say(f"pictures: {', '.join(card['pictures'])}")


@models_app.command("frame")
def models_frame(
    folder: ModelFolder,
    *,
    config: ConfigFile,
    output: Annotated[Path | None, typer.Option(help="Parquet below the data root; default state/frames/.")] = None,
    json: bool = False,
) -> None:
    """Write the exact training frame, pseudonymised, below the data root; for purpose 'development' only."""
    from pophealth.config import load_config
    from pophealth.runs.retrain import write_frame

    with _progress() as progress:
        path, rows = write_frame(load_config(config), folder, output, progress)
    if json:
        say_json({"path": str(path), "rows": rows})
        return
    say(f"wrote {path}: {rows:,} rows")


def _named(text: str) -> tuple[str, str]:
    model, sign, which = text.partition("@")
    if not sign or not model or not which:
        msg = f"{text!r}: expected MODEL@VERSION, as in emergency_admission_12m@2 or emergency_admission_12m@champion"
        raise UsageError(msg)
    return model, which
