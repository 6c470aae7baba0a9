"""Errors on their way between processes."""

import pickle

import pytest

from rig.errors import ConfigError, RigError, StorageError


@pytest.mark.parametrize(
    "error",
    [ConfigError("box.toml", "chamber[1].name", "'left': is taken"), StorageError("disk full")],
    ids=["config", "storage"],
)
def test_an_error_from_a_worker_says_the_same(error: RigError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
