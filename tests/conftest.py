"""What every test shares."""

import os

import pytest
from hypothesis import settings

# No test opens a window on the screen of the person who runs it.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# The same examples on every machine, and no database of failures in the working folder.
settings.register_profile(
    "placepref", derandomize=True, database=None, deadline=None, max_examples=30
)
settings.load_profile("placepref")


LONGEST = (
    "test_schedules.py", "test_run.py", "test_today.py", "test_chain.py", "test_whole.py",
    "test_results_page.py", "test_fuzz.py", "test_killed.py", "test_wrong.py", "test_play.py",
    "test_study_scores.py", "test_review.py", "test_real_clip.py", "test_setup.py", "test_walk.py",
    "test_attacks.py", "test_memory.py", "test_stream_session.py", "test_docs.py",
    "test_standing.py", "test_station.py", "test_cli.py", "test_stimulation.py", "test_closing.py",
)  # fmt: skip
"""Files that take long, begun first: else one process is busy with them when all else is done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, all others in their order."""
    place = {name: k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(autouse=True, scope="session")
def own_runtime_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing that a test starts is found by, or finds, what the user runs."""
    os.environ["XDG_RUNTIME_DIR"] = str(tmp_path_factory.mktemp("runtime"))
