"""Gives pages as text: templates, their helpers, and the policy that lets a page fetch nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup

from pophealth.delivery.pages import words
from pophealth.terms import Purpose

STYLES = ("nhsuk-frontend-10.6.1.min.css", "pages.css")
"""Style sheets of a page, vendored and our own, in order."""


@cache
def _environment() -> Environment:
    """Give the templates: ours and the macros of nhsuk-frontend-jinja, with every value escaped."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader("pophealth.delivery.pages"), PackageLoader("nhsuk_frontend_jinja")]),
        autoescape=True,
        undefined=ChainableUndefined,  # the macros read parameters of parameters that nobody gave
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "count": words.count,
        "day": words.day,
        "role": words.role,
        "spelled": words.spelled,
        "predicate": words.predicate,
        "order_term": words.order_term,
        "percent": words.percent,
        "first_upper": words.first_upper,
        "feature": words.feature,
        "reference": words.reference,
    }
    made.globals |= {
        "PARTS": words.PARTS, "MARKS": words.MARKS, "STATUSES": words.STATUSES, "PLACES": words.PLACES,
        "CAUSES": words.CAUSES, "ACTIONS": words.ACTIONS, "of": words.of,
        "most_often": words.most_often,
    }  # fmt: skip
    return made


@cache
def asset(name: str) -> str:
    """Give the text of a packaged asset."""
    return resources.files("pophealth.delivery.pages").joinpath("assets", name).read_text("utf-8")


@cache
def _policy() -> str:
    """Give the content security policy: style sheets and images beside the page, this one script, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(asset("pages.js").encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'self' file:; img-src 'self' file:; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


@dataclass(frozen=True)
class Chrome:
    """What stands around every page of one site: whose it is, of when, and where its other pages are.

    Attributes
    ----------
    name, code
        Of the network or practice; the name comes first in every title.
    facts
        The manifest's facts.
    links
        Text and address of each page of the menu, as seen from the folder of the pages (``site``).
    """

    name: str
    code: str
    facts: dict[str, Any]
    links: tuple[tuple[str, str], ...]

    @property
    def shares(self) -> bool:
        """Whether NHS numbers may stand on the network's pages: for case finding, under an agreement."""
        finding = self.facts["purpose"] == Purpose.CASE_FINDING.value
        return bool(finding and self.facts.get("network_sharing_agreement"))

    def page(self, template: str, title: str, current: str, base: str = "", /, **values: Any) -> str:
        """Give one page.

        Parameters
        ----------
        current
            Address of the menu entry it belongs to.
        base
            Where the folder of the pages is, as seen from this page: empty, or ``site/`` for the first page of a network.
        """
        chrome = {
            "name": self.name,
            "code": self.code,
            "facts": self.facts,
            "shares": self.shares,
            "base": base,
            "policy": _policy(),
            "script": asset("pages.js"),
            "styles": [f"{base}assets/{style}" for style in STYLES],
            "menu": [
                {"text": text, "href": _seen_from(base, address), "current": address == current}
                for text, address in self.links
            ],
        }
        return _environment().get_template(template).render(chrome=chrome, page_title=title, **values)


def _seen_from(base: str, address: str) -> str:
    return address.removeprefix("../") if base and address.startswith("../") else base + address


def rule_words(rule: dict[str, Any]) -> Markup:
    """Give a rule in plain words, as HTML: the same on every page that shows it."""
    said: Markup = _environment().get_template("_rule.html.jinja").module.rule_words(rule)  # type: ignore[attr-defined]
    return said
