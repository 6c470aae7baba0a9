"""Draws `interlock.svg`: the distances that an animal keeps from a door before it may close.

Run: python docs/manual/interlock.py
"""

from pathlib import Path

from rig.apparatus import Interlock
from rig.interlock import BEAM_NS, FRESH_NS

PX = 26  # a centimetre
DOOR_CM, DEEP_CM, LONG_CM = 4.0, 10.0, 15.0
INK, FAINT, FUR = "#222222", "#888888", "#555555"


def draw(limits: Interlock) -> str:
    """The picture as SVG text, with the default distances of an apparatus."""
    door_x, middle = 40.0, 20 + DEEP_CM * PX / 2
    tail_x = door_x + (limits.silhouette_cm + 0.6) * PX
    body_x = door_x + (limits.centroid_cm + 1.0) * PX
    width, height = door_x + LONG_CM * PX + 20, 20 + DEEP_CM * PX + 90
    half = DOOR_CM * PX / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"'
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
        f'<rect x="{door_x:g}" y="20" width="{LONG_CM * PX:g}" height="{DEEP_CM * PX:g}"'
        f' fill="none" stroke="{INK}" stroke-width="2"/>',
        f'<line x1="{door_x:g}" x2="{door_x:g}" y1="{middle - half:g}" y2="{middle + half:g}"'
        ' stroke="#c02020" stroke-width="6"/>',
        f'<text x="{door_x + 8:g}" y="{middle - half:g}">door and beam</text>',
        f'<path d="M {tail_x:g} {middle + 14:g} Q {tail_x + 50:g} {middle - 12:g} {body_x - 40:g}'
        f' {middle:g}" fill="none" stroke="{FUR}" stroke-width="4"/>',
        f'<ellipse cx="{body_x:g}" cy="{middle:g}" rx="48" ry="24" fill="{FUR}"/>',
        f'<circle cx="{body_x:g}" cy="{middle:g}" r="4" fill="white"/>',
    ]
    for n, (to_x, least_cm, words) in enumerate(
        (
            (tail_x, limits.silhouette_cm, "body and tail"),
            (body_x, limits.centroid_cm, "centroid"),
        )
    ):
        y = 20 + DEEP_CM * PX + 22 + n * 24
        least_x = door_x + least_cm * PX
        parts += [
            f'<line x1="{door_x:g}" x2="{least_x:g}" y1="{y:g}" y2="{y:g}" stroke="{INK}"/>',
            f'<line x1="{least_x:g}" x2="{least_x:g}" y1="20" y2="{y:g}" stroke="{FAINT}"'
            ' stroke-dasharray="4 4"/>',
            f'<text x="{max(least_x, to_x) + 8:g}" y="{y + 4:g}">{words}: at least {least_cm:g} cm'
            "</text>",
        ]
    beam, fresh = BEAM_NS / 1e9, FRESH_NS / 1e6
    parts += [
        f'<text x="{door_x:g}" y="{height - 14:g}">beam clear for {beam:g} s, picture younger than'
        f" {fresh:g} ms</text>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    path = Path(__file__).with_name("interlock.svg")
    path.write_text(draw(Interlock()), encoding="utf-8")
