"""I fit lists to people who can do the work: offers, capacity, equity floors, holdout, entrants and leavers."""

from pophealth.planning.changes import changes_between
from pophealth.planning.floor import Floor
from pophealth.planning.offers import offers_of
from pophealth.planning.place import Capacity, Holdout, place_offers

__all__ = ["Capacity", "Floor", "Holdout", "changes_between", "offers_of", "place_offers"]
