"""What every test shares."""

import os

import pytest
from hypothesis import settings

# No test opens a window on the screen of the person who runs it.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# The same examples on every machine, and no database of failures in the working folder.
settings.register_profile("placepref", derandomize=True, database=None, deadline=None)
settings.load_profile("placepref")


@pytest.fixture(autouse=True, scope="session")
def own_runtime_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing that a test starts is found by, or finds, what the user runs."""
    os.environ["XDG_RUNTIME_DIR"] = str(tmp_path_factory.mktemp("runtime"))
