"""Gives numba's own parts, loaded without scipy: kernels here use no linear algebra."""

from __future__ import annotations

from pophealth.sparing import without

with without("scipy.linalg.cython_blas"):
    import numba.np.arraymath

NUMBA = numba.__version__
"""The version that compiles the kernels."""
