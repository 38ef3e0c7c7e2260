"""Gives yes-or-no answers as packed bits, the way Arrow and Polars hold them."""

from __future__ import annotations

import numpy as np

from pophealth.kernels.features_base import kernel
from pophealth.kernels.postings import Bytes


@kernel
def pack_bits(mask: Bytes, size: int, bits: Bytes) -> None:
    """Give in `bits` one bit per person, eight to a byte by one multiplication; bits after the last person are 0.

    `mask` holds 0 or 1 and has room for a multiple of eight people; what lies after `size` is set to 0.
    """
    whole = (size + 7) // 8
    mask[size : whole * 8] = 0
    words = mask.view(np.uint64)
    for place in range(whole):
        bits[place] = np.uint8((words[place] * np.uint64(0x0102040810204080)) >> np.uint64(56))
    bits[whole:] = 0
