"""I leave the building: identify, disclose, write, sign."""

from pophealth.delivery.identify import identify_members, practice_frames
from pophealth.delivery.sign import load_signing_key
from pophealth.delivery.write import write_delivery

__all__ = ["identify_members", "load_signing_key", "practice_frames", "write_delivery"]
