"""DeepLabCut's and SLEAP's HDF5 files; nothing in them is executed: names are only parsed."""

import json
import mmap
import pickletools
import struct
from pathlib import Path
from typing import Any

import numpy as np

from rig.errors import ConfigError
from rig.session.tracks.pose import Column, one_of, parts_of
from rig.session.tracks.track import Floats, Part, Track, Wanted

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_NUMBERS = 500_000_000
"""More is no track: a damaged head may ask for the whole memory."""
MOST_NAMES = 100_000
"""Of body points or tracks: each is an object of its own in memory."""
_FAULTS = (
    OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError,
    OverflowError, MemoryError, RecursionError,
)  # fmt: skip
"""What h5py and NumPy raise at a file that is damaged, or of another shape than it says."""
ROWS_AT_ONCE = 1 << 15
_HEAP = b"GCOL\x01\0\0\0"
"""Begins each heap: its mark, its version, three bytes that are kept free."""


def read_hdf5(path: Path, individual: str | None, wanted: Wanted) -> Track:
    """The track in an HDF5 file. Raises ConfigError, also where h5py is not installed."""
    try:
        import h5py
    except ImportError:
        message = 'HDF5 files are read with h5py: pip install "placepref[tracks]", or export CSV'
        raise ConfigError(str(path), "", message) from None
    try:
        with h5py.File(path, "r") as file:
            _check_heaps(file)
            names = _own_names(file)
            if "tracks" in names and "node_names" in names:
                return _sleap(file, str(path), individual, wanted)
            for group in map(file.get, names):
                if isinstance(group, h5py.Group) and "table" in _own_names(group):
                    return _deeplabcut(group["table"], str(path), individual, wanted)
    except _FAULTS as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from None
    message = "neither DeepLabCut's table nor SLEAP's analysis file (tracks, node_names)"
    raise ConfigError(str(path), "", message)


def _own_names(group: Any) -> list[str]:
    """Names of what is in a group. Raises ValueError where one of them lies elsewhere.

    HDF5 would open whatever other file a link names, at once or by a link to that link.
    """
    import h5py

    names = list(group)
    for name in names:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(
                f"{name} is a link, and may lie in another file; copy it into this one"
            )
    return names


def _deeplabcut(table: Any, file: str, individual: str | None, wanted: Wanted) -> Track:
    _check_size(table)
    there: dict[Column, tuple[str, int]] = {}
    for name in table.dtype.names:
        kind = f"{name}_kind"
        if name != "index" and kind in table.attrs:
            for k, column in enumerate(plain_pickle(bytes(_attribute(table, kind)))):
                there[tuple(str(part) for part in column)] = name, k
    points = wanted({column[-2] for column in there if len(column) > 1})
    there = {column: at for column, at in there.items() if len(column) < 2 or column[-2] in points}
    values: dict[Column, Any] = {column: np.empty(table.shape[0]) for column in there}
    frame = np.empty(table.shape[0], np.int64)
    for start in range(0, table.shape[0], ROWS_AT_ONCE):
        rows = table[start : start + ROWS_AT_ONCE]
        part = slice(start, start + len(rows))
        frame[part] = rows["index"]
        for column, (name, k) in there.items():
            values[column][part] = rows[name].reshape(len(rows), -1)[:, k]
    return Track(file, "DeepLabCut", parts_of(values, file, individual), frame)


def _sleap(file: Any, name: str, individual: str | None, wanted: Wanted) -> Track:
    nodes = _names(file["node_names"])
    names = _names(file["track_names"]) if "track_names" in file else []
    points = _Axes(file["tracks"], ("track", "xy", "node", "frame"))
    if points.shape[1:3] != (2, len(nodes)):
        raise ValueError(f"tracks of shape {points.shape}: not tracks x 2 x points x frames")
    labels = [names[k] if k < len(names) else f"track_{k}" for k in range(points.shape[0])]
    k = labels.index(one_of(set(labels), individual, name))
    scores = None
    if "point_scores" in file:
        scores = _Axes(file["point_scores"], ("track", "node", "frame"))
    chosen = wanted(nodes)
    parts = {
        node: Part(
            points.line(track=k, xy=0, node=n),
            points.line(track=k, xy=1, node=n),
            None if scores is None else scores.line(track=k, node=n),
        )
        for n, node in enumerate(nodes)
        if node in chosen
    }
    return Track(name, "SLEAP", parts, np.arange(points.shape[3], dtype=np.int64))


def _check_size(data: Any, most: int = MOST_NUMBERS) -> None:
    if data.external or data.is_virtual:
        raise ValueError(f"{data.name} may lie in another file; copy it into this one")
    if data.size * max(1, data.dtype.itemsize // 8) > most:
        raise ValueError(f"{data.name} says that it holds {data.size} values")


def _check_heaps(file: Any) -> None:
    """Look at each heap, in which texts lie, before HDF5 does.

    Its library goes from object to object by the length of each, and a free place that says it has
    none holds it for ever.
    """
    if file.id.get_create_plist().get_sizes() != (8, 8):
        raise ValueError("its addresses are not of 8 bytes, as every program's are")
    with (
        Path(file.filename).open("rb") as raw,
        mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        at = data.find(_HEAP)
        while at >= 0:
            place = at + 16
            end = at + int.from_bytes(data[at + 8 : place], "little")
            whole = place <= end <= len(data)
            while whole and place + 16 <= end:
                number, size = struct.unpack("<H6xQ", data[place : place + 16])
                step = 16 + (size + 7) // 8 * 8 if number else size
                whole = 16 <= step <= end - place
                place += step
            if not whole:
                raise ValueError(f"the texts at byte {at} are damaged")
            at = data.find(_HEAP, end)


def _names(data: Any) -> list[str]:
    """All names in a dataset, if there are not more than names of a track can be."""
    _check_size(data, MOST_NAMES)
    _check_text(data.id, data.name)
    _check_lengths(data)
    return _texts(data[()])


def _check_lengths(data: Any) -> None:
    """Look at how long names say they are before HDF5 makes room for that much.

    Of a name of any length a dataset holds 16 bytes, the first four of which are its length.
    """
    import h5py

    kind = h5py.check_string_dtype(data.dtype)
    if kind is None or kind.length is not None:
        return
    low, path = data.id, Path(data.file.filename)
    plan = low.get_create_plist()
    layout = plan.get_layout()
    places: list[tuple[int, int]] = []  # where they are in the file, and how many bytes
    if layout == h5py.h5d.CONTIGUOUS and low.get_offset() is not None:
        places = [(low.get_offset(), 16 * data.size)]
    elif layout == h5py.h5d.CHUNKED and not plan.get_nfilters():
        chunks = map(low.get_chunk_info, range(low.get_num_chunks()))
        places = [(one.byte_offset, one.size) for one in chunks]
    most = path.stat().st_size
    with path.open("rb") as file:
        for at, size in places:
            file.seek(at)
            heads = file.read(min(size, most))
            lengths = np.frombuffer(heads[: len(heads) // 16 * 16], "<u4")[::4]
            if lengths.size and lengths.max() > most:
                message = f"{data.name}: a name of {lengths.max()} bytes, more than the file has"
                raise ValueError(message)


def _attribute(data: Any, name: str) -> Any:
    """What an attribute says, which is a text. Raises ValueError where it is anything else."""
    _check_text(data.attrs.get_id(name), f"{data.name}: its attribute {name}")
    return data.attrs[name]


def _check_text(low: Any, what: str) -> None:
    """Raise ValueError unless texts are in it, before HDF5 reads them.

    Its library ends the process at a damaged type that says of texts that they are lists.
    """
    import h5py

    if low.get_type().get_class() != h5py.h5t.STRING:
        raise ValueError(f"{what} is no text")


class _Axes:
    """An array in the file, its axes as the older files have them; newer ones say which is which.

    Raises ValueError where it has not these axes.
    """

    def __init__(self, data: Any, wanted: tuple[str, ...]) -> None:
        _check_size(data)
        said = _attribute(data, "dims") if "dims" in data.attrs else None
        axes = list(wanted)
        if said is not None:
            axes = [str(axis).removeprefix("n_").rstrip("s") for axis in json.loads(said)]
        if sorted(axes) != sorted(wanted) or len(data.shape) != len(wanted):
            raise ValueError(f"an array of shape {data.shape}: not {' x '.join(wanted)}")
        self._data, self._axes = data, axes
        self.shape = tuple(data.shape[axes.index(axis)] for axis in wanted)

    def line(self, **at: int) -> Floats:
        """What it holds along its last axis at these places of the others."""
        index = tuple(at.get(axis, slice(None)) for axis in self._axes)
        return np.asarray(self._data[index], dtype=np.float64)


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
