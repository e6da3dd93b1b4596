"""Which slates are drawn at random: a function of the request and the seed, so that a decision can be replayed."""

from __future__ import annotations

import hashlib

import numpy as np

from serving.record.request import AdRequest


def draws(request: AdRequest, seed: int) -> np.random.Generator:
    """The random numbers of a request's slate; the first says whether it explores."""
    key = hashlib.blake2b(f"{seed}|{request.request_id}".encode(), digest_size=8).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key, "big")))
