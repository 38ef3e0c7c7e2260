"""Gives the words that measurements are written in: units, comparators, settings; a row holds a word's place."""

from __future__ import annotations

UNITS = ("mmHg", "kg/m2", "mmol/mol", "mL/min/1.73m2", "umol/L", "mmol/L", "%", "ug/g", "mm[Hg]", "kg/m^2", "1", "g/L")
MMHG, KG_M2, MMOL_MOL, EGFR_UNIT, UMOL_L, MMOL_L, PERCENT, UG_G, MMHG_ALSO, KG_M2_ALSO, COUNT, G_L = range(len(UNITS))
"""Units the generator measures in; archetypes can name others."""
COMPARATORS = ("=", "<", "<=", ">", ">=")
LESS, MORE = 1, 3
SETTINGS = ("clinic", "home", "ambulatory")
CLINIC, HOME, AMBULATORY = range(len(SETTINGS))
NONE = -1
"""Missing unit, comparator or setting."""
