"""Draws `entries.svg`: when an animal counts as being in a chamber, rule by rule.

Each panel is a way that an animal took, put through `rig.zones` itself: what is drawn is what is
counted. Run: python docs/manual/entries.py
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rig import zones
from rig.apparatus import parse
from rig.model import NS_PER_S, Detection, DoorState, Reason

RATE_HZ = 20
PX_PER_CM, LINE_CM, OUTER_CM = 10.0, 20.0, 40.0
AREA_PX = 1000
WIDE, HIGH = 470.0, 236.0  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 56.0, 456.0, 40.0, 158.0  # of its axes
INK, FAINT = "#222222", "#999999"
COLOURS = {"left": "#2b6cb0", "right": "#c05621", "": "#c8c8c8"}
BOX = """
name = "two chambers"
frame_size_px = [640, 480]
px_per_cm = 10.0
[[chamber]]
name = "left"
outline_px = [[0, 100], [200, 100], [200, 300], [0, 300]]
[[chamber]]
name = "right"
outline_px = [[200, 100], [400, 100], [400, 300], [200, 300]]
[[doorway]]
name = "door"
between = ["left", "right"]
line_px = [[200, 180], [200, 220]]
drive = "board"
[[zone]]
name = "feeder"
outline_px = [[220, 100], [260, 100], [260, 300], [220, 300]]
"""

Way = Sequence[tuple[float, float | None]]
"""Times in s and cm beyond the line between the chambers; None: it is not seen from there on."""


class Panel(NamedTuple):
    """One rule. `lines`: heights in cm at which one is drawn, and its name."""

    title: str
    words: tuple[str, str]
    way: Way
    lines: Mapping[float, str]
    low: float = -4.0
    high: float = 4.0
    entry: str = ""
    door: str = "open"
    nose: Way = ()
    zone: bool = False
    body: bool = False


HALF_WAY = {0.0: "line", 1.0: "1 cm", -1.0: "1 cm"}
PANELS = (
    Panel(
        "The first position",
        ("counts at once, without hysteresis or dwell,", "and is a visit but no entry."),
        ((0.0, None), (0.5, 0.3), (3.0, 2.5)),
        HALF_WAY,
    ),
    Panel(
        "hysteresis_cm = 1.0",
        ("A point that is less than 1 cm beyond the line has", "not crossed it, there and back."),
        ((0, -3), (0.5, 0.7), (0.8, -2), (1.2, 3), (1.8, 3), (2.1, -0.7), (2.4, 2), (3, 2.5)),
        HALF_WAY,
    ),
    Panel(
        "min_dwell_s = 0.2",
        ("Deep enough, it has to stay for 0.2 s. The zone changes", "then, never in hindsight."),
        ((0, -3), (0.6, 1.2), (0.7, 1.2), (0.8, -1), (1.4, -2), (1.6, 2), (3, 2.5)),
        HALF_WAY,
    ),
    Panel(
        "point = \"nose\"",
        ("The nose (line) decides, not the centroid (dots).", "Where no nose is seen, it does."),
        ((0, -4), (0.8, -1.6), (1.8, -1.6), (3.0, -3)),
        HALF_WAY,
        low=-5.0, high=5.0, entry='point = "nose"',
        nose=((0, -1), (0.8, 2.6), (1.8, 2.6), (3.0, -0.2)),
    ),
    Panel(
        "point = \"body\", body_fraction = 0.8",
        ("80 % of the silhouette have to be in, for the dwell;", "half of it is enough to stay."),
        ((0, 0.0), (0.8, 0.7), (1.2, 0.4), (1.7, 1.0), (2.2, 1.0), (2.6, 0.55), (3, 0.55)),
        {0.5: "50 %", 0.8: "80 %"},
        low=0.0, high=1.05, entry='point = "body"', body=True,
    ),
    Panel(
        "max_gap_s = 0.5",
        ("Not seen for longer, it is nowhere. Found where", "it was: time is inferred, no entry."),
        ((0, -3), (0.4, None), (0.75, -2.5), (1.1, None), (2.3, -2), (3, -2.5)),
        HALF_WAY,
    ),
    Panel(
        "Lost in one chamber, found in the other",
        ("The time between is lost, in neither. Where it is found", "it counts at once: an entry."),
        ((0, -3), (0.6, None), (1.9, 2.0), (3, 2.5)),
        HALF_WAY,
    ),
    Panel(
        "A closed door",
        ("A position behind it is through_wall.", "After 2 s it is believed. No entries."),
        ((0, -3), (0.5, -2), (0.55, 2), (0.9, 2), (0.95, -2), (1.2, -2), (1.25, 2), (4, 2.5)),
        HALF_WAY, door="closed",
    ),
    Panel(
        "Outside of all chambers",
        ("It keeps its last chamber (rearing). More", "than 5 cm off for 0.5 s: escape."),
        ((0, 17), (0.7, 23), (1.3, 23), (1.7, 28), (3, 28)),
        {20.0: "wall", 25.0: "5 cm"}, low=14.0, high=30.0,
    ),
    Panel(
        "A further zone",
        ("has hysteresis and dwell of its own (lower bar), and does", "not change the chamber."),
        ((0, 0.5), (0.6, 1.2), (0.9, 4), (1.8, 4), (2.2, 8), (3, 9)),
        {2.0: "zone", 6.0: "zone"}, low=-1.0, high=10.0, zone=True,
    ),
)  # fmt: skip


def between(way: Way, t_s: float) -> float | None:
    """Where it is at a time."""
    before = max((k for k, (at_s, _) in enumerate(way) if at_s <= t_s), default=0)
    here = way[before][1]
    if here is None or before + 1 == len(way):
        return here
    (from_s, _), (to_s, there) = way[before], way[before + 1]
    return here if there is None else here + (there - here) * (t_s - from_s) / (to_s - from_s)


def seen(panel: Panel, t_s: float) -> Detection:
    """What the tracker told."""
    at = between(panel.way, t_s)
    if at is None:
        return Detection(Reason.NONE)
    inside = (0, 0, 0)
    if panel.body:
        inside = (round(AREA_PX * (1 - at)), round(AREA_PX * at), 0)
        at = (at - 0.5) * 6
    nose = between(panel.nose, t_s) if panel.nose else None
    return Detection(
        Reason.FOUND,
        (LINE_CM + at) * PX_PER_CM,
        200.0,
        AREA_PX,
        nose_x_px=None if nose is None else (LINE_CM + nose) * PX_PER_CM,
        nose_y_px=None if nose is None else 200.0,
        inside=inside,
    )


def counted(panel: Panel, times_s: Sequence[float]) -> list[zones.Zoned]:
    """Where it counts as being at each time, by the rule itself."""
    layout = zones.Layout(parse(f"{BOX}\n[entry]\n{panel.entry}\n", "drawing"), RATE_HZ)
    state, told = zones.begin(layout), []
    doors = {"door": DoorState(panel.door)}
    for t_s in times_s:
        seen_now = seen(panel, t_s)
        state, zoned = zones.advance(layout, state, round(t_s * NS_PER_S), seen_now, doors)
        told.append(zoned)
    return told


def drawn(panel: Panel, x0: float, y0: float) -> list[str]:
    """One panel as SVG."""
    last_s = panel.way[-1][0]
    times_s = [k / RATE_HZ for k in range(round(last_s * RATE_HZ) + 1)]
    told = counted(panel, times_s)

    def across(t_s: float) -> float:
        return x0 + LEFT + (RIGHT - LEFT) * t_s / last_s

    def up(cm: float) -> float:
        return y0 + BOTTOM - (BOTTOM - TOP) * (cm - panel.low) / (panel.high - panel.low)

    def text(x: float, y: float, words: str, more: str = "") -> str:
        return f'<text x="{x:g}" y="{y:g}" {more}>{words}</text>'

    parts = [
        text(x0 + LEFT, y0 + 24, panel.title, f'font-weight="bold" fill="{INK}"'),
        f'<rect x="{x0 + LEFT:g}" y="{y0 + TOP:g}" width="{RIGHT - LEFT:g}"'
        f' height="{BOTTOM - TOP:g}" fill="none" stroke="{FAINT}"/>',
    ]
    for cm, name in panel.lines.items():
        dashes = "" if name in ("line", "wall", "zone") else ' stroke-dasharray="4 4"'
        parts.append(
            f'<line x1="{x0 + LEFT:g}" x2="{x0 + RIGHT:g}" y1="{up(cm):.1f}" y2="{up(cm):.1f}"'
            f' stroke="{FAINT}"{dashes}/>'
        )
        parts.append(text(x0 + LEFT - 6, round(up(cm) + 4, 1), name, 'text-anchor="end"'))
    if panel.nose:
        points = " ".join(
            f"{across(t_s):.1f},{up(at):.1f}"
            for t_s in times_s
            if (at := between(panel.nose, t_s)) is not None
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{INK}" stroke-width="1.5"/>')
    for t_s, zoned in zip(times_s, told, strict=True):
        at = between(panel.way, t_s)
        if at is not None:
            fill = COLOURS[zoned.zone] if not zoned.flag else "white"
            parts.append(
                f'<circle cx="{across(t_s):.1f}" cy="{up(at):.1f}" r="3.2" fill="{fill}"'
                f' stroke="{COLOURS[zoned.zone]}" stroke-width="1.5"/>'
            )
        if zoned.entered:
            x = across(t_s)
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y0 + TOP:g}" y2="{y0 + BOTTOM + 22:g}"'
                f' stroke="{COLOURS[zoned.entered]}" stroke-width="1.5"/>'
            )
            near = x > x0 + RIGHT - 40
            more = f'fill="{COLOURS[zoned.entered]}" text-anchor="{"end" if near else "start"}"'
            parts.append(text(round(x + (-4 if near else 4), 1), y0 + BOTTOM - 6, "entry", more))
    parts += bar(panel, [one.zone for one in told], across, times_s, y0 + BOTTOM + 8, COLOURS)
    if panel.zone:
        inside = ["feeder" if one.in_zones[0] else "" for one in told]
        shades = {"feeder": "#6b46c1", "": "#eeeeee"}
        parts += bar(panel, inside, across, times_s, y0 + BOTTOM + 22, shades)
    for k, line in enumerate(panel.words):
        parts.append(text(x0 + LEFT, y0 + BOTTOM + 50 + 17 * k, line, f'fill="{INK}"'))
    return parts


def bar(
    panel: Panel, names: Sequence[str], across: object, times_s: Sequence[float], y: float,
    colours: Mapping[str, str],
) -> list[str]:  # fmt: skip
    """What it counts as, over time: each frame holds until the next."""
    assert callable(across)
    parts, start = [], 0
    for k in range(1, len(names) + 1):
        if k < len(names) and names[k] == names[start]:
            continue
        x, end = across(times_s[start]), across(times_s[min(k, len(names) - 1)])
        if end > x:
            parts.append(
                f'<rect x="{x:.1f}" y="{y:g}" width="{end - x:.1f}" height="11"'
                f' fill="{colours[names[start]]}"/>'
            )
        start = k
    return parts


def draw() -> str:
    """The picture as SVG text."""
    rows = -(-len(PANELS) // 2)
    width, height = 2 * WIDE + 10, rows * HIGH + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
        ' font-family="sans-serif" font-size="13" role="img"'
        ' aria-label="When an animal counts as being in a chamber, rule by rule">',
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
    ]
    x = LEFT
    for name, words in (("left", "left"), ("right", "right"), ("", "nowhere")):
        parts.append(f'<rect x="{x:g}" y="14" width="22" height="11" fill="{COLOURS[name]}"/>')
        parts.append(f'<text x="{x + 28:g}" y="24" fill="{INK}">{words}</text>')
        x += 100
    parts.append(
        f'<text x="{x:g}" y="24" fill="{INK}">cm beyond the line; a dot is a picture,'
        " hollow where flagged; the bar is what counts</text>"
    )
    for k, panel in enumerate(PANELS):
        parts += drawn(panel, k % 2 * WIDE, 34 + k // 2 * HIGH)
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    path = Path(__file__).with_name("entries.svg")
    path.write_text(draw(), encoding="utf-8")
