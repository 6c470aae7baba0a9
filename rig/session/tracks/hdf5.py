"""DeepLabCut's and SLEAP's HDF5 files; nothing in them is executed: names are only parsed."""

import json
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from rig.errors import ConfigError
from rig.session.tracks.pose import Column, one_of, parts_of
from rig.session.tracks.track import Part, Track

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_NUMBERS = 500_000_000
"""More is no track: a damaged head may ask for the whole memory."""
_FAULTS = (
    OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError,
    OverflowError, MemoryError, RecursionError,
)  # fmt: skip
"""What h5py and NumPy raise at a file that is damaged, or of another shape than it says."""


def read_hdf5(path: Path, individual: str | None) -> Track:
    """The track in an HDF5 file. Raises ConfigError, also where h5py is not installed."""
    try:
        import h5py
    except ImportError:
        message = 'HDF5 files are read with h5py: pip install "placepref[tracks]", or export CSV'
        raise ConfigError(str(path), "", message) from None
    try:
        with h5py.File(path, "r") as file:
            if "tracks" in file and "node_names" in file:
                return _sleap(file, str(path), individual)
            for group in file.values():
                if isinstance(group, h5py.Group) and "table" in group:
                    return _deeplabcut(group["table"], str(path), individual)
    except _FAULTS as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from None
    message = "neither DeepLabCut's table nor SLEAP's analysis file (tracks, node_names)"
    raise ConfigError(str(path), "", message)


def _deeplabcut(table: Any, file: str, individual: str | None) -> Track:
    rows = _all(table)
    values: dict[Column, Any] = {}
    for name in rows.dtype.names:
        kind = f"{name}_kind"
        if name != "index" and kind in table.attrs:
            columns = plain_pickle(bytes(table.attrs[kind]))
            block = np.asarray(rows[name], dtype=np.float64).reshape(len(rows), -1)
            for k, column in enumerate(columns):
                values[tuple(str(part) for part in column)] = block[:, k]
    frame = np.asarray(rows["index"], dtype=np.int64)
    return Track(file, "DeepLabCut", parts_of(values, file, individual), frame)


def _sleap(file: Any, name: str, individual: str | None) -> Track:
    nodes = _texts(_all(file["node_names"]))
    names = _texts(_all(file["track_names"])) if "track_names" in file else []
    points = _ordered(file["tracks"], ("track", "xy", "node", "frame"))
    if points.ndim != 4 or points.shape[1] != 2 or points.shape[2] != len(nodes):
        raise ValueError(f"tracks of shape {points.shape}: not tracks x 2 x points x frames")
    labels = [names[k] if k < len(names) else f"track_{k}" for k in range(len(points))]
    k = labels.index(one_of(set(labels), individual, name))
    scores = None
    if "point_scores" in file:
        scores = _ordered(file["point_scores"], ("track", "node", "frame"))
    parts = {
        node: Part(points[k, 0, n], points[k, 1, n], None if scores is None else scores[k, n])
        for n, node in enumerate(nodes)
    }
    return Track(name, "SLEAP", parts, np.arange(points.shape[3], dtype=np.int64))


def _all(data: Any) -> Any:
    """All of a dataset, if its size is one of a track."""
    if data.size * max(1, data.dtype.itemsize // 8) > MOST_NUMBERS:
        raise ValueError(f"{data.name} says that it holds {data.size} values")
    return data[()]


def _ordered(data: Any, wanted: tuple[str, ...]) -> Any:
    """The array with its axes as the older files have them; newer ones say which is which."""
    array = np.asarray(_all(data), dtype=np.float64)
    said = data.attrs.get("dims")
    if said is None:
        return array
    axes = [str(axis).removeprefix("n_").rstrip("s") for axis in json.loads(said)]
    return array.transpose([axes.index(axis) for axis in wanted])


def _texts(values: Any) -> list[str]:
    return [v.decode() if isinstance(v, bytes) else str(v) for v in np.atleast_1d(values).tolist()]


_SKIPPED = frozenset(("PROTO", "FRAME", "STOP"))
_SIMPLE = frozenset(
    ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING",
     "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1")
)  # fmt: skip


def plain_pickle(data: bytes) -> Any:
    """The lists, tuples, texts and numbers in a pickle; nothing is imported, called or built.

    pandas keeps a table's column names like that. Raises ValueError for any other content.
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def since_mark() -> list[Any]:
        at = marks.pop()
        items = stack[at:]
        del stack[at:]
        return items

    try:
        for code, argument, _ in pickletools.genops(data):
            name = code.name
            if name in _SIMPLE:
                stack.append(argument)
            elif name == "MARK":
                marks.append(len(stack))
            elif name in ("LIST", "TUPLE"):
                items = since_mark()
                stack.append(items if name == "LIST" else tuple(items))
            elif name in ("EMPTY_LIST", "EMPTY_TUPLE"):
                stack.append([] if name == "EMPTY_LIST" else ())
            elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
                n = int(name[-1])
                stack[-n:] = [tuple(stack[-n:])]
            elif name == "APPEND":
                last = stack.pop()
                stack[-1].append(last)
            elif name == "APPENDS":
                items = since_mark()
                stack[-1].extend(items)
            elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
                memo[len(memo) if argument is None else int(str(argument))] = stack[-1]
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                stack.append(memo[int(str(argument))])
            elif name not in _SKIPPED:
                raise ValueError(f"names that are no plain text ({name})")
        (value,) = stack
    except (IndexError, KeyError, AttributeError) as error:
        raise ValueError(f"names that cannot be read: {error!r}") from None
    return value
