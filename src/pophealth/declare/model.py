"""Gives a declared model: whom it is about, what it foretells, from what, how it is validated, when it may be used."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from pophealth.declare.model_parts import (
    ESTIMATORS,
    GATES,
    SUBGROUPS,
    EstimatorSpec,
    IndexDates,
    Monitoring,
    Validation,
    check_keys,
    is_number,
    text,
    whole,
)
from pophealth.errors import DeclarationError

ModelKind = Literal["binary", "survival", "change"]
KINDS: dict[str, tuple[str, ...]] = {
    "binary": ("logistic", "gradient_boosting", "stack"),
    "survival": ("cox", "weibull", "discrete_hazard", "stack"),
    "change": (),
}
"""Kinds of models with the estimators each can be made with."""


@dataclass(frozen=True)
class OutcomeKind:
    """One outcome of the catalogue: which records count as the event.

    Attributes
    ----------
    admission
        An admitted spell whose method begins with 2 (an emergency) counts.
    death
        Death counts as the event; where it does not, it ends the time at risk without one.
    codelists
        A coded row of one of these lists counts.
    source
        Where the definition was read.
    """

    words: str
    admission: bool
    death: bool
    codelists: tuple[str, ...]
    source: str


OUTCOMES: dict[str, OutcomeKind] = {
    "emergency_admission_or_death": OutcomeKind(
        words="emergency admission to hospital, or death from any cause",
        admission=True,
        death=True,
        codelists=(),
        # events 8.88 % of 12,866,084 person-times: 977,159 admitted and survived, 107,827 admitted and died, 57,183
        # died before any admission
        source="SPARRAv4, jamesliley/SPARRAv4@3a4a4a67 (clinical-scores 13)",
    ),
    "emergency_admission": OutcomeKind(
        words="emergency admission to hospital",
        admission=True,
        death=False,
        codelists=(),
        source="As SPARRAv4 without death (clinical-scores 13: whether death counts as an event changes the target)",
    ),
    "care_home_entry": OutcomeKind(
        words="first record of living in a residential or nursing home",
        admission=False,
        death=False,
        codelists=("care_home_residential", "care_home_nursing"),
        source="NCD EHCH living status RESIDEHOME, NURSEHOME (service-specs 5 EH-01); temporary stays do not count",
    ),
    "cvd_event": OutcomeKind(
        words="first record of coronary heart disease, stroke or transient ischaemic attack",
        admission=False,
        death=False,
        codelists=("coronary_heart_disease", "stroke", "tia"),
        source="First entry on the QOF registers CHD (CHD_COD) or STIA (STRK_COD, TIA_COD) (service-specs 11.1)",
    ),
}
"""What a model can foretell, by the name its specification uses."""


@dataclass(frozen=True)
class OutcomeSpec:
    """What is foretold, and in how many months: a time at risk of ``(index date, index date + months]``."""

    kind: str
    months: int

    @property
    def catalogue(self) -> OutcomeKind:
        """The outcome's entry in the catalogue."""
        return OUTCOMES[self.kind]


@dataclass(frozen=True)
class ModelSpec:
    """One model as ``models/<id>/model.toml`` says it.

    Attributes
    ----------
    kind
        ``binary`` (a risk within the months), ``survival`` (time to the event, censoring counted) or ``change`` (how a
        model's risk moved; `derived_from` names that model, and `steps_months` how far back it is looked at).
    population
        SQL predicate over declared features and base columns; who is not known to be in it is not.
    predictors
        Declared features, and `age_years`, `sex`, `imd_quintile`, in order.
    curved
        Those of them, numbers, whose effect on a linear score may bend (a restricted cubic spline); trees bend anyway.
    subgroups
        Groupings that every figure is shown by.
    list_lengths
        People a network could list at a time: rows of the operational table.
    gates
        What a version must reach to be promoted.
    """

    id: str
    version: int
    kind: ModelKind
    title: str
    intended_use: str
    outcome: OutcomeSpec
    population: str
    index_dates: IndexDates
    predictors: tuple[str, ...]
    estimators: tuple[EstimatorSpec, ...]
    validation: Validation
    subgroups: tuple[str, ...]
    list_lengths: tuple[int, ...]
    gates: dict[str, Any] = field(hash=False)
    monitoring: Monitoring
    derived_from: str | None = None
    steps_months: tuple[int, ...] = ()
    curved: tuple[str, ...] = ()

    @property
    def is_survival(self) -> bool:
        """True where time to the event is modelled, with censoring."""
        return self.kind == "survival"


_ALWAYS = ("id", "version", "kind", "title", "intended_use", "outcome", "population", "index_dates")
_FITTED = ("predictors", "estimators")
_CURVED = ("curved",)
_OPTIONAL = ("validation", "subgroups", "list_lengths", "gates", "monitoring", "derived_from", "steps_months")
LIST_LENGTHS = (50, 100, 250, 500, 1_000)


def parse_model(table: dict[str, Any], *, folder_name: str) -> ModelSpec:
    """Give the model that a TOML file declares; its id is the name of its folder.

    Raises
    ------
    DeclarationError
        A key is unknown, missing or of the wrong type, an outcome, estimator, subgroup or gate is unknown, a predictor
        stands twice, or a change model has an estimator of its own.
    """
    where = f"model {folder_name}"
    kind = table.get("kind")
    if kind not in KINDS:
        msg = f"{where}: kind is one of {', '.join(KINDS)}, found {kind!r}"
        raise DeclarationError(msg)
    needs = (*_ALWAYS, *(_FITTED if kind != "change" else ("derived_from", "steps_months")))
    check_keys(
        table, where, needs, (*_ALWAYS, *_FITTED, *_CURVED, *_OPTIONAL) if kind != "change" else (*_ALWAYS, *_OPTIONAL)
    )
    if table["id"] != folder_name or re.fullmatch(r"[a-z][a-z0-9_]{0,63}", folder_name) is None:
        msg = f"{where}: id must be the folder's name in small letters, digits and underscores, found {table['id']!r}"
        raise DeclarationError(msg)
    if kind != "change" and {"derived_from", "steps_months"} & set(table):
        msg = f"{where}: derived_from and steps_months belong to kind 'change'"
        raise DeclarationError(msg)
    return ModelSpec(
        id=str(table["id"]),
        version=whole(table["version"], f"{where}: version", 1, 100_000),
        kind=kind,
        title=text(table["title"], f"{where}: title"),
        intended_use=text(table["intended_use"], f"{where}: intended_use"),
        outcome=_outcome(table["outcome"], where),
        population=text(table["population"], f"{where}: population"),
        index_dates=IndexDates.parse(table["index_dates"], where),
        predictors=_predictors(table.get("predictors", ()), where),
        estimators=_estimators(table.get("estimators", ()), where, kind),
        validation=Validation.parse(table.get("validation", {}), where),
        subgroups=_subgroups(table.get("subgroups", SUBGROUPS), where),
        list_lengths=tuple(
            whole(length, f"{where}: list_lengths", 1, 1_000_000)
            for length in sorted(set(table.get("list_lengths", LIST_LENGTHS)))
        ),
        gates=_gates(table.get("gates", {}), where),
        monitoring=Monitoring.parse(table.get("monitoring", {}), where),
        derived_from=table.get("derived_from"),
        steps_months=tuple(
            whole(step, f"{where}: steps_months", 1, 120) for step in sorted(set(table.get("steps_months", ())))
        ),
        curved=_curved(table, where),
    )


def _subgroups(names: Any, where: str) -> tuple[str, ...]:
    strange = sorted(set(names) - set(SUBGROUPS))
    if strange:
        msg = f"{where}: unknown subgroups {strange}; known are {', '.join(SUBGROUPS)}"
        raise DeclarationError(msg)
    return tuple(names)


def _outcome(table: Any, where: str) -> OutcomeSpec:
    check_keys(table, f"{where} [outcome]", ("kind", "months", "source"), ("kind", "months", "source"))
    if table["kind"] not in OUTCOMES:
        msg = f"{where}: unknown outcome {table['kind']!r}; the catalogue has {', '.join(OUTCOMES)}"
        raise DeclarationError(msg)
    return OutcomeSpec(str(table["kind"]), whole(table["months"], f"{where} [outcome] months", 1, 240))


def _curved(table: dict[str, Any], where: str) -> tuple[str, ...]:
    names = table.get("curved", [])
    odd = (
        sorted(set(map(str, names)) - set(map(str, table.get("predictors", ()))))
        if isinstance(names, list)
        else [names]
    )
    if odd:
        msg = f"{where}: curved is a list of predictors; {len(odd)} are none, first {odd[0]!r}"
        raise DeclarationError(msg)
    return tuple(names)


def _predictors(names: Any, where: str) -> tuple[str, ...]:
    twice = sorted({str(name) for name in names if list(names).count(name) > 1})
    if twice or not all(isinstance(name, str) for name in names):
        msg = f"{where}: predictors are names of columns, each once; found {twice or 'something else'}"
        raise DeclarationError(msg)
    return tuple(names)


def _estimators(tables: Any, where: str, kind: str) -> tuple[EstimatorSpec, ...]:
    found = tuple(EstimatorSpec.parse(table, where) for table in tables)
    kinds = [estimator.kind for estimator in found]
    wrong = sorted(set(kinds) - set(KINDS[kind]))
    if wrong or len(set(kinds)) < len(kinds) or (kind != "change" and not set(kinds) - {"stack"}):
        msg = (
            f"{where}: kind {kind!r} takes {', '.join(KINDS[kind]) or 'no estimator'}, each once and one beside a stack; "
            f"found {', '.join(kinds) or 'none'} (known: {', '.join(ESTIMATORS)})"
        )
        raise DeclarationError(msg)
    return found


def _gates(table: dict[str, Any], where: str) -> dict[str, Any]:
    for name, value in table.items():
        if name not in GATES:
            msg = f"{where}: unknown gate {name!r}; known are {', '.join(GATES)}"
            raise DeclarationError(msg)
        numbers = value if GATES[name] == "between" and isinstance(value, list) and len(value) == 2 else [value]
        if (GATES[name] == "between") != (len(numbers) == 2) or not all(is_number(item) for item in numbers):
            msg = f"{where}: gate {name} takes {'[lowest, highest]' if GATES[name] == 'between' else 'a number'}"
            raise DeclarationError(msg)
    return dict(table)
