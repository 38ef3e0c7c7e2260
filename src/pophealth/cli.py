"""Gives the command line: thin commands, one exit code a reason, nothing heavy imported before it is needed."""

from __future__ import annotations

import sys

import typer

from pophealth.commands import actions, codelists, models, networks, rules, scores, setup, work
from pophealth.errors import PophealthError
from pophealth.sparing import hand_freed_memory_back

app = typer.Typer(
    name="pophealth",
    help="Population-health risk stratification for Primary Care Networks: records in, explained lists out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (setup, work, rules, codelists, scores, networks, models, actions):
    group.register(app)


def main() -> None:
    """Run the command line; every error of ours ends in its exit code and one line that says what to do."""
    hand_freed_memory_back()
    try:
        app()
    except PophealthError as error:
        sys.stderr.write(f"pophealth: {error}\n")
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
