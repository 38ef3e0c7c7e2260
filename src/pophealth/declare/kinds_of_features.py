"""Gives the kinds of feature that are made of other features of the same person."""

from __future__ import annotations

from pophealth.declare.kind import Kind

MADE_OF_FEATURES: dict[str, Kind] = {
    "days_between": Kind(
        "days from feature `from_feature` to feature `to_feature`", "int", (), needs=("from_feature", "to_feature")
    ),
    "count_true": Kind(
        "number of the `features` that are true; unknown if any is unknown", "int", (), needs=("features",)
    ),
    "any_of": Kind("whether one of `features` is true, else unknown if one is so", "bool", (), needs=("features",)),
    "all_of": Kind(
        "whether all `features` are true, none of `none_of` is, and the age at the index date is `age_at_least_years` or "
        "more and under `age_under_years`; false as soon as one of these fails, else unknown if any is unknown",
        "bool",
        (),
        needs=("features",),
        takes=("none_of", "age_at_least_years", "age_under_years"),
    ),
    "age_at": Kind(
        "whole years of age on the date of feature `date_feature`; who was born on 29 February is a year older on 1 March of "
        "a common year",
        "int",
        (),
        needs=("date_feature",),
    ),
    "working_days_since": Kind(
        "working days (Monday to Friday, no bank holiday of England) after the date of `date_feature`, up to and with the "
        "index date; 0 for a later date, none where the calendar does not know",
        "int",
        (),
        needs=("date_feature",),
    ),
    "number_in": Kind(
        "whether the number of `feature` is `at_least` or more and below `under`; unknown where there is none",
        "bool",
        (),
        needs=("feature",),
        takes=("at_least", "under"),
    ),
    "category_in": Kind(
        "whether the category of `feature` is one of `values`; unknown where there is none",
        "bool",
        (),
        needs=("feature", "values"),
    ),
}
"""Every kind of which no row is read, by the name a declaration uses."""
