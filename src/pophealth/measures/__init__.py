"""I compare: network checks."""

from pophealth.measures.networks import Finding, check_networks, diff_networks

__all__ = ["Finding", "check_networks", "diff_networks"]
