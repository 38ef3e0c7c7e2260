"""Gives the commands about published scores: which there are, what each reads and gives, and their values for a file."""

from __future__ import annotations

from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pophealth.commands.output import note, say, say_json, say_table

if TYPE_CHECKING:
    from pophealth.declare import Score

scores_app = typer.Typer(help="The published scores.", no_args_is_help=True)

LISTED = ("id", "version", "source", "licence", "range", "direction")
DESCRIBED = (
    "id",
    "title",
    "version",
    "source",
    "licence",
    "needs_licence_acceptance",
    "statement",
    "link",
    "range",
    "direction",
    "primary_output",
)


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.add_typer(scores_app, name="scores")


@scores_app.command("list")
def scores_list(*, json: bool = False) -> None:
    """List the scores: id, version, source, licence, range, direction."""
    from pophealth.scores import load_scores

    rows = [{name: getattr(score, name) for name in LISTED} for score in load_scores().values()]
    if json:
        say_json(_closed(rows))
        return
    say_table(LISTED, [[row[name] for name in LISTED] for row in rows])


@scores_app.command("describe")
def scores_describe(score_id: Annotated[str, typer.Argument(metavar="ID")], *, json: bool = False) -> None:
    """Describe one score: every input and output column, options, source, licence."""
    from pophealth.scores import load_score

    described = _described(load_score(score_id))
    if json:
        say_json(_closed(described))
        return
    for name, value in described.items():
        if not isinstance(value, list):
            say(f"{name}: {value}")
            continue
        say(f"{name}:")
        for item in value:
            say(f"  {item.pop('name')}")
            for key, part in item.items():
                if part not in (None, "", False):
                    say(f"      {key}: {part}")


def _closed(value: Any) -> Any:
    """Give `value` as JSON can hold it: a bound that does not exist is null, not Infinity."""
    if isinstance(value, dict):
        return {key: _closed(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_closed(part) for part in value]
    return None if isinstance(value, float) and isinf(value) else value


def _described(score: Score) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        **{name: getattr(score, name) for name in DESCRIBED},
        "inputs": [{key: value for key, value in asdict(entry).items() if key != "feature"} for entry in score.inputs],
        "outputs": [asdict(entry) for entry in score.columns],
        "options": [asdict(option) for option in score.options],
    }


@scores_app.command("compute")
def scores_compute(
    score_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    input_file: Annotated[Path, typer.Option("--input", help="CSV or Parquet with the input columns.")],
    output_file: Annotated[Path, typer.Option("--output", help="CSV or Parquet to write.")],
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, as `scores describe` names them.")] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="The licence condition of this score is met; prints no notice.")
    ] = False,
) -> None:
    """Compute one score for a file: rows in order, further columns carried through."""
    from pophealth.commands.frames import check_form, read_frame, write_frame
    from pophealth.scores import compute, load_score

    score = load_score(score_id)
    check_form(output_file)
    if score.needs_licence_acceptance and not accept_licence:
        note(f"notice: {score.id} is under a condition: {score.licence} (see docs/licences.md; --accept-licence)")
    if score.statement:
        note(f"{score.id}: {score.statement}" + (f" {score.link}" if score.link else ""))
    frame = compute(score_id, read_frame(input_file), _options(option or []))
    write_frame(frame, output_file)
    scored = frame[score.primary_output].is_not_null().sum()
    say(f"wrote {output_file}: {frame.height:,} rows, {scored:,} with a value of {score.primary_output}")


def _options(given: list[str]) -> dict[str, str]:
    from pophealth.errors import UsageError

    pairs = [text.partition("=") for text in given]
    wrong = [text for text, (_, sign, _) in zip(given, pairs, strict=True) if not sign]
    if wrong:
        msg = f"--option {wrong[0]}: expected NAME=VALUE"
        raise UsageError(msg)
    return {name.strip(): value for name, _, value in pairs}
