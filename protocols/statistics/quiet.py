"""The libraries' warnings kept back: what they warn of stands in the sentences."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quietly() -> Iterator[None]:
    """No warnings meanwhile."""
    # Loaded before: loading them changes which warnings are shown.
    import pingouin  # noqa: F401
    import statsmodels.formula.api  # noqa: F401

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
