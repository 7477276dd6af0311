"""Independent seeds from one: the same numbers always give the same seed, on every machine and version."""

import numpy as np


def derived_seed(*numbers: int) -> int:
    """Return a seed in [0, 2^63) made of the numbers (each >= 0) by NumPy's frozen SeedSequence; zeros at the end of
    them change nothing."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
