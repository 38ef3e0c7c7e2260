"""Gives the pictures that are logged with a training: calibration, decision curve, forest of subgroups, as PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOREST_METRICS = {"auroc": "AUROC", "calibration_in_the_large": "mean outcome less mean risk"}


def pictures(title: str, report: Mapping[str, Any]) -> dict[str, bytes]:
    """Give each picture by file name; equal reports give equal bytes."""
    drawn = {"calibration.png": _calibration, "decision_curve.png": _decision, "subgroups.png": _forest}
    return {name: _png(draw(title, report)) for name, draw in drawn.items()}


def _calibration(title: str, report: Mapping[str, Any]) -> Figure:
    figure, axes = _panel(f"{title}: calibration", "predicted risk", "observed share")
    points = [(point["risk"], point["observed"]) for point in report.get("calibration_curve") or ()]
    top = max([0.01, *(max(point) for point in points)])
    axes.plot([0, top], [0, top], color="grey", linestyle="--", label="as predicted")
    if points:
        axes.plot(*zip(*points, strict=True), color="#005eb8", label="observed, smoothed")
    axes.legend(loc="upper left")
    return figure


def _decision(title: str, report: Mapping[str, Any]) -> Figure:
    figure, axes = _panel(f"{title}: decision curve", "risk from which one acts", "net benefit per person")
    rows = report.get("decision_curve") or ()
    thresholds = [row["threshold"] for row in rows]
    axes.plot(thresholds, [row["net_benefit"] for row in rows], color="#005eb8", label="by the model")
    axes.plot(thresholds, [row["treat_all"] for row in rows], color="grey", linestyle="--", label="acting on all")
    axes.axhline(0.0, color="black", linewidth=0.8, label="acting on none")
    best = max([0.0, *(row["net_benefit"] for row in rows if row["net_benefit"] is not None)])
    if best:  # acting on everybody loses so much at high thresholds that nothing else could be told apart
        axes.set_ylim(-best / 2, best * 1.25)
    axes.legend(loc="upper right")
    return figure


def _forest(title: str, report: Mapping[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    groups = list(report.get("subgroups") or ())
    figure = Figure(figsize=(9, 2 + 0.25 * len(groups)), layout="constrained")
    figure.suptitle(f"{title}: by group, with 95 % intervals")
    names = [
        f"{group['grouping'].replace('_', ' ')} {group['group']} ({group['events']:,} of {group['rows']:,})"
        for group in groups
    ]
    panels = figure.subplots(1, len(FOREST_METRICS), sharey=True)
    for axes, (metric, words) in zip(panels, FOREST_METRICS.items(), strict=True):
        for place, group in enumerate(groups):
            figure_of = (group["figures"].get(metric) or {}).get("figure") or {}
            if figure_of.get("estimate") is None:
                continue
            if figure_of.get("low") is not None and figure_of.get("high") is not None:
                axes.plot([figure_of["low"], figure_of["high"]], [place, place], color="#005eb8")
            axes.plot([figure_of["estimate"]], [place], marker="s", color="#005eb8")
        axes.set_xlabel(words)
        axes.set_yticks(range(len(names)), names, fontsize=7)
    if groups:
        panels[0].invert_yaxis()
    return figure


def _panel(title: str, across: str, up: str) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, wrap=True)
    axes.set(xlabel=across, ylabel=up)
    return figure, axes


def _png(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    made = io.BytesIO()
    figure.savefig(made, format="png", dpi=120, metadata={"Software": None})
    return made.getvalue()
