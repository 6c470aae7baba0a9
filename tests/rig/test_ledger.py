import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.ledger import Ledger, csv_cell, nanoseconds, parse_tick, seconds, tick_line
from rig.model import (
    Detection,
    DoorReport,
    Event,
    Reason,
    ReportKind,
    Request,
    RequestKind,
    Sample,
    Tick,
)

SETUP = b'{"subject": "M01"}\n'

hundredths = st.integers(-10_000, 200_000).map(lambda n: n / 100)
shares = st.integers(0, 1000).map(lambda n: n / 1000)
counts = st.integers(0, 10**9)
words = st.text(max_size=12)
times = st.integers(0, 2**63 - 1)
plain: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
detections = st.builds(
    Detection,
    reason=st.sampled_from(Reason),
    x_px=st.none() | hundredths,
    y_px=st.none() | hundredths | st.floats(allow_nan=False, allow_infinity=False),
    area_px=counts,
    sum_x_px=counts,
    sum_y_px=counts,
    nose_x_px=st.none() | hundredths,
    nose_y_px=st.none() | hundredths,
    tail_x_px=st.none() | hundredths,
    tail_y_px=st.none() | hundredths,
    heading_deg=st.none() | st.integers(-1800, 1800).map(lambda n: n / 10),
    confidence=st.integers(0, 1000).map(lambda n: n / 1000),
    candidates=st.integers(0, 20),
    blob_px=counts,
    jump=st.booleans(),
    inside=st.lists(counts, max_size=5).map(tuple),
    clear_px=st.none() | st.lists(st.tuples(hundredths, hundredths), max_size=3).map(tuple),
    sweep=st.lists(st.none() | st.tuples(shares, shares), max_size=3).map(tuple),
)
reports = st.builds(
    DoorReport,
    t_ns=times,
    kind=st.sampled_from(ReportKind),
    name=words,
    value=words,
    cause=words,
    source=st.sampled_from(["board", "operator"]),
    board_ms=st.none() | counts,
)
requests = st.builds(
    Request,
    kind=st.sampled_from(RequestKind),
    name=words,
    value=words,
    who=words,
    text=words,
    data=st.dictionaries(words, plain, max_size=3),
)
ticks = st.builds(
    Tick,
    k=counts,
    t_ns=times,
    frame=st.none() | counts,
    detection=st.none() | detections,
    reports=st.lists(reports, max_size=2).map(tuple),
    requests=st.lists(requests, max_size=2).map(tuple),
)


@given(ticks)
def test_tick_comes_back_as_it_was(tick: Tick) -> None:
    line = tick_line(tick)
    assert parse_tick(line) == tick
    assert tick_line(parse_tick(line)) == line
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


def test_tick_line_is_the_contract() -> None:
    seen = Detection(
        Reason.FOUND, 12.5, 7.25, 300, 3750, 2175, confidence=0.98, candidates=1, blob_px=310,
        inside=(0, 300), clear_px=((4.0, 9.5),),
    )  # fmt: skip
    assert tick_line(Tick(3, 1000, 2, seen)) == (
        b'{"k":3,"t":1000,"frame":2,"d":{"x":12.5,"y":7.25,"a":300,"sx":3750,"sy":2175,"c":0.98,'
        b'"n":1,"b":310,"in":[0,300],"cl":[[4.0,9.5]]},"reports":[],"requests":[]}\n'
    )
    report = DoorReport(5, ReportKind.DOOR, "left", "open")
    table = json.loads(tick_line(Tick(4, 2000, reports=(report,))))
    assert table["frame"] is None
    assert table["d"] is None
    assert table["reports"] == [{"t_ns": 5, "kind": "door", "name": "left", "value": "open"}]


def test_a_tick_from_before_sweeps_were_looked_at() -> None:
    line = tick_line(Tick(4, 9, 3, Detection(Reason.NONE, sweep=(None, (0.25, 0.003)))))
    assert b'"d":{"r":"none","sw":[null,[0.25,0.003]]}' in line
    old = line.replace(b',"sw":[null,[0.25,0.003]]', b"")
    assert parse_tick(old) == Tick(4, 9, 3, Detection(Reason.NONE))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"k":1}',
        b'{"k":1,"t":2,"frame":null,"d":{"r":"sleeping"},"reports":[],"requests":[]}',
        b'{"k":1,"t":2,"frame":null,"d":null,"reports":[{"kind":"door"}],"requests":[]}',
        b'{"k":1,"t":2,"frame":null,"d":null,"reports":[],"requests":[{"kind":"dance"}]}',
        b"\xff\n",
    ],
    ids=["empty", "half", "list", "null", "short", "reason", "report", "request", "bytes"],
)
def test_other_lines_are_no_ticks(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the words are json's, or many
        parse_tick(line)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0.000000000"),
        (1, "0.000000001"),
        (999_999_999, "0.999999999"),
        (1_000_000_000, "1.000000000"),
        (86_400_000_000_001, "86400.000000001"),
        (2**62 + 1, "4611686018.427387905"),
        (-1, "-0.000000001"),
        (-1_500_000_000, "-1.500000000"),
    ],
)
def test_seconds_have_nine_exact_decimals(ns: int, text: str) -> None:
    assert seconds(ns) == text
    assert nanoseconds(text) == ns


@pytest.mark.parametrize("text", ["1.5", "1", "", "1.00000000a", "x.000000000"])
def test_other_texts_are_no_seconds(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        nanoseconds(text)


def sample(frame: int, t_ns: int, **other: Any) -> Sample:
    values: dict[str, Any] = dict.fromkeys(
        ("x_px", "y_px", "x_cm", "y_cm", "nose_x_px", "nose_y_px", "tail_x_px", "tail_y_px",
         "heading_deg")
    )  # fmt: skip
    values |= {"area_px": 0, "confidence": 0.0, "zone": "", "step": "", "scored": False, "flag": ""}
    return Sample(frame=frame, t_ns=t_ns, **{**values, **other})


def test_frames_csv_is_the_contract() -> None:
    ledger = Ledger(SETUP, zones=["nest"], shares=["left", "right"])
    assert ledger.header() == (
        b"frame,t_s,x_px,y_px,x_cm,y_cm,nose_x_px,nose_y_px,tail_x_px,tail_y_px,heading_deg,"
        b"area_px,confidence,zone,step,scored,flag,in_nest,share_left,share_right\n"
    )
    ledger.add(Tick(0, 7_000_000_000), (), ())
    seen = sample(
        5, 7_040_000_001, x_px=1.5, y_px=2.25, x_cm=0.1, y_cm=0.2, nose_x_px=3.0, nose_y_px=4.0,
        tail_x_px=5.0, tail_y_px=6.0, heading_deg=-90.0, area_px=400, confidence=0.9,
        zone="left", step="explore", scored=True, flag="jump", in_zones=(True,),
        shares=(0.75, 0.25),
    )  # fmt: skip
    blank = sample(7, 8_000_000_000, in_zones=(False,), shares=(0.0, 0.0))
    rows = ledger.add(Tick(1, 7_040_000_001, 5), (seen, blank), ())
    assert rows.frames == (
        b"5,0.040000001,1.50,2.25,0.10,0.20,3.00,4.00,5.00,6.00,-90.0,400,0.900,left,explore,1,"
        b"jump,1,0.750,0.250\n"
        b"7,1.000000000,,,,,,,,,,0,0.000,,,0,,0,0.000,0.000\n"
    )
    assert (ledger.ticks, ledger.frames, ledger.rows, ledger.events) == (2, 1, 2, 0)


@pytest.mark.parametrize(
    ("text", "cell"),
    [("left", "left"), ("a,b", '"a,b"'), ('a"b', '"a""b"'), ("a\nb", '"a\nb"'), ("", "")],
)
def test_cells_are_quoted_where_they_must_be(text: str, cell: str) -> None:
    assert csv_cell(text) == cell


def independent_chain(setup: bytes, lines: bytes) -> list[bool]:
    """The file contract's rule in a few lines of its own."""
    previous, fits = hashlib.sha256(setup).hexdigest(), []
    for line in lines.decode().split("\n")[:-1]:
        event = json.loads(line)
        said = event.pop("hash")
        text = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        previous = hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()
        fits.append(said == previous)
    return fits


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**15),
            st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=9),
            st.dictionaries(
                st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
                st.integers() | st.floats(allow_nan=False, allow_infinity=False),
                max_size=3,
            ),
        ),
        max_size=6,
    )
)
def test_hash_chain_can_be_checked_by_anyone(
    happened: list[tuple[int, str, Mapping[str, Any]]],
) -> None:
    ledger = Ledger(SETUP)
    events = [Event(t_ns, kind, data) for t_ns, kind, data in happened]
    written = ledger.add(Tick(0, 0), (), events).events
    assert independent_chain(SETUP, written) == [True] * len(events)
    assert independent_chain(b"another", written) == [False] * len(events)
    assert [json.loads(line)["n"] for line in written.split(b"\n")[:-1]] == list(range(len(events)))


def test_events_keep_names_that_are_no_ascii_and_no_text() -> None:
    ledger = Ledger(SETUP)
    data = MappingProxyType({"text": "Größe µ", "who": "\udcff", "in": MappingProxyType({"a": 1})})
    line = ledger.add(Tick(0, 0), (), [Event(0, "note", data)]).events
    assert "Größe µ".encode() in line
    assert json.loads(line)["data"] == {"text": "Größe µ", "who": "\udcff", "in": {"a": 1}}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}], ids=["nan", "inf", "set"])
def test_events_hold_plain_json_only(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        Ledger(SETUP).add(Tick(0, 0), (), [Event(0, "note", {"value": value})])


def test_checkpoint_tells_counts_and_running_sums_up_to_its_own_rows() -> None:
    ledger = Ledger(SETUP)
    files = {"ticks": b"", "frames": ledger.header()}
    for k in range(4):
        events = [Event(k, "checkpoint", {"why": "time"})] if k in (1, 3) else []
        samples = [sample(k, k)] if k != 2 else []
        rows = ledger.add(Tick(k, k, k if k != 2 else None), samples, events)
        files["ticks"] += rows.ticks
        files["frames"] += rows.frames
        if events:
            assert json.loads(rows.events)["data"] == {
                "why": "time",
                "ticks": k + 1,
                "frames": [0, 2, 2, 3][k],
                "rows": [0, 2, 2, 3][k],
                "ticks_sha256": hashlib.sha256(files["ticks"]).hexdigest(),
                "frames_sha256": hashlib.sha256(files["frames"]).hexdigest(),
            }


@given(st.lists(ticks, min_size=1, max_size=6), st.integers(0, 6))
def test_a_ledger_goes_on_after_the_same_ticks_again(session: list[Tick], cut: int) -> None:
    def events(tick: Tick) -> list[Event]:
        return [Event(tick.t_ns, "checkpoint"), Event(tick.t_ns, "note", {"k": tick.k})]

    straight, again = Ledger(SETUP), Ledger(SETUP)
    whole = [straight.add(t, [sample(t.k, t.t_ns)], events(t)) for t in session]
    for read in [parse_tick(rows.ticks) for rows in whole[:cut]]:
        again.add(read, [sample(read.k, read.t_ns)], events(read))
    rest = [again.add(t, [sample(t.k, t.t_ns)], events(t)) for t in session[cut:]]
    assert rest == whole[cut:]


def test_rows_alone_are_the_rows_of_the_whole() -> None:
    blank = (None,) * 9
    samples = [Sample(k, 5 + k * 10**9, *blank, 0, 0.0, "a", "s", k > 0, "none") for k in range(3)]
    whole, alone = Ledger(b"setup"), Ledger(b"setup")
    for k, sample in enumerate(samples):
        held = () if k == 0 else (samples[0], sample) if k == 1 else (sample,)
        tick = Tick(k, sample.t_ns, k)
        assert alone.frame_rows(tick.t_ns, held) == whole.add(tick, held, ()).frames
    assert alone.ticks == 0
