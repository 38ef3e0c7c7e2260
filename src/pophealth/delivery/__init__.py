"""I leave the building: identify, disclose, write, sign, verify. Light on import: a receiver only verifies."""

from pophealth.delivery.verify import verify_delivery

__all__ = ["verify_delivery"]
