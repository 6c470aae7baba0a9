"""Draws `interlock.svg`: the distances that an animal keeps from a door before it may close.

Run: python docs/manual/interlock.py
"""

from pathlib import Path

from rig.apparatus import Interlock
from rig.interlock import BEAM_NS, FRESH_NS

PX = 34  # a centimetre
DOOR_CM, DEEP_CM, LONG_CM = 4.0, 10.0, 15.0
INK, FAINT, FUR, RED = "#222222", "#888888", "#555555", "#c02020"


def measured(from_x: float, to_x: float, y: float, words: str) -> list[str]:
    """A distance with its ends marked, from the door's line, and what it is of beside it."""
    ends = "".join(
        f'<line x1="{x:g}" x2="{x:g}" y1="{y - 5:g}" y2="{y + 5:g}" stroke="{INK}"/>'
        for x in (from_x, to_x)
    )
    return [
        f'<line x1="{from_x:g}" x2="{to_x:g}" y1="{y:g}" y2="{y:g}" stroke="{INK}"/>{ends}',
        f'<text x="{to_x + 10:g}" y="{y + 4:g}">{words}</text>',
    ]


def draw(limits: Interlock) -> str:
    """The picture as SVG text, with the default distances of an apparatus."""
    door_x, middle = 56.0, 40 + DEEP_CM * PX / 2
    tail_x = door_x + (limits.silhouette_cm + 0.5) * PX
    body_x = door_x + (limits.centroid_cm + 1.0) * PX
    bottom = 40 + DEEP_CM * PX
    width, height = door_x + LONG_CM * PX + 20, bottom + 138
    half = DOOR_CM * PX / 2
    least = [door_x + cm * PX for cm in (limits.centroid_cm, limits.silhouette_cm)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
        ' font-family="sans-serif" font-size="14" role="img"'
        ' aria-label="Distances that an animal keeps from a door before it may close">',
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
        f'<rect x="{door_x:g}" y="40" width="{LONG_CM * PX:g}" height="{DEEP_CM * PX:g}"'
        f' fill="none" stroke="{INK}" stroke-width="2"/>',
        f'<rect x="{door_x - 10:g}" y="{middle - half:g}" width="20" height="{2 * half:g}"'
        f' fill="#f6dada" stroke="{RED}" stroke-dasharray="3 3"/>',
        f'<line x1="{door_x:g}" x2="{door_x:g}" y1="{middle - half:g}" y2="{middle + half:g}"'
        f' stroke="{RED}" stroke-width="4"/>',
        f'<text x="{door_x:g}" y="24" fill="{RED}">the door: its line, its beam, and'
        " (dashed) what it sweeps in the picture</text>",
        *(
            f'<line x1="{x:g}" x2="{x:g}" y1="40" y2="{bottom + 26 * (k + 1):g}" stroke="{FAINT}"'
            ' stroke-dasharray="4 4"/>'
            for k, x in enumerate(least)
        ),
        f'<path d="M {tail_x:g} {middle + 18:g} Q {(tail_x + body_x) / 2 - 20:g} {middle - 20:g}'
        f' {body_x - 56:g} {middle:g}" fill="none" stroke="{FUR}" stroke-width="5"'
        ' stroke-linecap="round"/>',
        f'<ellipse cx="{body_x:g}" cy="{middle:g}" rx="62" ry="31" fill="{FUR}"/>',
        f'<circle cx="{body_x:g}" cy="{middle:g}" r="4" fill="white"/>',
    ]
    words = (
        f"at least {limits.centroid_cm:g} cm to the centroid (white)",
        f"at least {limits.silhouette_cm:g} cm to every part of body and tail",
    )
    for k, (x, told) in enumerate(zip(least, words, strict=True)):
        parts += measured(door_x, x, bottom + 26 * (k + 1), told)
    beam, fresh = BEAM_NS / 1e9, FRESH_NS / 1e6
    for k, told in enumerate(
        (
            f"and: beam clear for {beam:g} s, picture younger than {fresh:g} ms, tracked well;",
            f"a door without a beam: the whole animal {limits.silhouette_cm:g} cm from the dashed"
            " part as well.",
            "While the door moves the same is asked of each picture, or it reverses.",
        )
    ):
        parts.append(f'<text x="{door_x:g}" y="{bottom + 84 + 20 * k:g}">{told}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    path = Path(__file__).with_name("interlock.svg")
    path.write_text(draw(Interlock()), encoding="utf-8")
