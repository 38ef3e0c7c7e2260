"""I loop over numbers; I have never heard of a patient."""

from pophealth.kernels.start import NUMBA

__all__ = ["NUMBA"]
