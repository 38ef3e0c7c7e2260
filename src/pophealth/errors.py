"""Gives the family of errors a user can meet, each with the exit code a scheduler reads.

A message says what, where, expected, found, how many and what to do. It never holds a row, an identifier or a value
of a patient. Anything outside this family that reaches the command line is a fault of ours (exit code 1).
"""

from __future__ import annotations

from typing import ClassVar


class PophealthError(Exception):
    """Base of every error that is shown without a traceback."""

    exit_code: ClassVar[int] = 1


class UsageError(PophealthError):
    """The command was called in a way it cannot serve: an unknown rule, run, network or patient."""

    exit_code = 2


class ConfigError(PophealthError):
    """The site configuration is wrong: an unknown key, a missing file, two settings that exclude each other."""

    exit_code = 2


class DeclarationError(PophealthError):
    """A declared feature, rule or score is wrong: an unknown kind, a feature nobody declared, a refused expression."""

    exit_code = 2


class DataContractError(PophealthError):
    """Input breaks its contract as a whole (a missing column, a wrong type, a damaged file): nothing is delivered."""

    exit_code = 3


class CodelistError(DataContractError):
    """A codelist is damaged: a check digit, a duplicate, a missing head line."""


class NetworksFailed(PophealthError):  # noqa: N818 - it is an outcome of a run, named as the contract names it
    """Some networks failed; the others were delivered."""

    exit_code = 4


class IntegrityError(PophealthError):
    """A stored or delivered file is not what its manifest says: verification refused."""

    exit_code = 5


class GateError(PophealthError):
    """A version of a model does not pass the gates of its own specification: verification refused."""

    exit_code = 5


class TryLaterError(PophealthError):
    """Another run holds the lock, a disk is full, or a database does not answer."""

    exit_code = 75
