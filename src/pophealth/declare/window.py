"""Gives the window: which days around an index date a feature looks at, half-open `(from, to]`."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

from pophealth.errors import DeclarationError
from pophealth.terms import contract_year_start

CONTRACT_YEAR_START = "contract_year_start"
_LENGTH = re.compile(r"([0-9]{1,5})([md])")
_LONGEST = {"months": 1_500, "days": 45_000}
"""Longer than any record reaches back; a length beyond is a slip of the hand."""


def months_before(day: date, months: int) -> date:
    """Give the day `months` calendar months before `day`, clipped to the month's last day (31 March - 1 = 28 or 29 Feb)."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass(frozen=True)
class Window:
    """A stretch of days, half-open `(from, to]`, fixed once an index date and a contract year are known.

    Parameters
    ----------
    months, days
        Length of the window that ends on its last day. Month arithmetic clips to the month's last day; days stay days.
    since
        First day inside, instead of a length: a date, ``contract_year_start``, or that day moved by whole months
        (``contract_year_start-6m``, ``contract_year_start+5m``).
    until
        Last day inside, instead of the index date. A length (``3m``, ``90d``) stands for the day so long before the
        index date; ``contract_year_start`` for the day *before* it, so that ``until = contract_year_start`` and
        ``since = contract_year_start`` share no day. With `months` or `days` the length is counted back from here.
    """

    months: int | None = None
    days: int | None = None
    since: str | date | None = None
    until: str | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.months, self.days, self.since)) > 1:
            msg = "window: months, days and since exclude each other; give one"
            raise DeclarationError(msg)
        for name, length in (("months", self.months), ("days", self.days)):
            if length is not None and not 1 <= length <= _LONGEST[name]:
                msg = f"window: {name} must be 1 to {_LONGEST[name]:,}, found {length}"
                raise DeclarationError(msg)
        if (
            isinstance(self.since, str)
            and re.fullmatch(rf"{CONTRACT_YEAR_START}([-+][0-9]{{1,3}}m)?", self.since) is None
        ):
            msg = (
                f"window: since is a date, {CONTRACT_YEAR_START!r} or '{CONTRACT_YEAR_START}-6m', found {self.since!r}"
            )
            raise DeclarationError(msg)
        if self.until not in (None, CONTRACT_YEAR_START) and _LENGTH.fullmatch(str(self.until)) is None:
            msg = f"window: until is {CONTRACT_YEAR_START!r} or a length as in '3m' or '90d', found {self.until!r}"
            raise DeclarationError(msg)

    def bounds(self, index_date: date, contract_year: str) -> tuple[date, date]:
        """Give `(from, to)`: a record on day d lies inside when ``from < d <= to``. No length means since ever."""
        year_start = contract_year_start(contract_year)
        to = self._last_day(index_date, year_start)
        if self.months is not None:
            return months_before(to, self.months), to
        if self.days is not None:
            return to - timedelta(days=self.days), to
        if self.since is None:
            return date(1900, 1, 1), to
        first = self.since if isinstance(self.since, date) else self._from_year(year_start)
        return first - timedelta(days=1), to

    def _last_day(self, index_date: date, year_start: date) -> date:
        if self.until is None:
            return index_date
        if self.until == CONTRACT_YEAR_START:
            return min(index_date, year_start - timedelta(days=1))
        length = int(self.until[:-1])
        return months_before(index_date, length) if self.until.endswith("m") else index_date - timedelta(days=length)

    def _from_year(self, year_start: date) -> date:
        moved = str(self.since).removeprefix(CONTRACT_YEAR_START).removesuffix("m")
        return months_before(year_start, -int(moved)) if moved else year_start


EVER = Window()


def parse_window(text: str | None, *, since: str | date | None = None, until: str | None = None) -> Window:
    """Give the window that a declaration writes as ``"12m"``, ``"913d"`` or nothing, with `since` and `until`.

    Raises
    ------
    DeclarationError
        The text is none of these forms, or two lengths are given.
    """
    if text is None:
        return Window(since=since, until=until)
    match = _LENGTH.fullmatch(text)
    if match is None:
        msg = f"window: expected months or days as in '12m' or '913d', found {text!r}"
        raise DeclarationError(msg)
    length = int(match[1])
    return Window(
        months=length if match[2] == "m" else None,
        days=length if match[2] == "d" else None,
        since=since,
        until=until,
    )
