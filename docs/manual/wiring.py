"""Draws `../wiring.svg`: board, shift registers, one door and one output, with the pins' numbers.

A wire that would cross others is cut, and its two ends carry the same name. Run:
python docs/manual/wiring.py
"""

from pathlib import Path

STYLE = (
    ".w{fill:none;stroke:#333;stroke-width:1.6}.b{fill:#f2f4f7;stroke:#333;stroke-width:1.6}"
    ".p{stroke:#b3261e}.g{stroke:#1f6f43}.s{stroke:#1f4e9e}.t{font-weight:bold}"
    ".n{fill:#444;font-size:12px}.k{fill:#1f4e9e;font-size:12px;font-weight:bold}"
    ".f{fill:#e7eefb;stroke:#1f4e9e}"
)
WIDTH, HEIGHT = 950, 715
WHAT = "Wiring of one door and of one output, of one input, and the door seen from the front"
parts: list[str] = []


def text(x: float, y: float, words: str, kind: str = "n", anchor: str = "start") -> None:
    """Words at a place; `kind` n: note, t: title, k: a wire's name."""
    parts.append(f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{words}</text>')


def wire(*points: tuple[float, float], kind: str = "") -> None:
    """A line; `kind` p: supply, g: ground, s: signal."""
    told = " ".join(f"{x:g},{y:g}" for x, y in points)
    parts.append(f'<polyline class="w {kind}" points="{told}"/>')


def box(x: float, y: float, w: float, h: float, title: str = "", *notes: str) -> None:
    """A part with its name at the top."""
    parts.append(f'<rect class="b" x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="4"/>')
    if title:
        text(x + w / 2, y + 18, title, "t", "middle")
    for k, note in enumerate(notes):
        text(x + w / 2, y + 35 + 16 * k, note, "n", "middle")


def named(x: float, y: float, name: str, way: int) -> None:
    """The end of a wire that goes on elsewhere under this name; `way` 1: to the right of x."""
    w = 14 + 8.3 * len(name)
    left = x if way > 0 else x - w
    parts.append(f'<rect class="f" x="{left:g}" y="{y - 9:g}" width="{w:g}" height="18" rx="9"/>')
    text(left + w / 2, y + 4, name, "k", "middle")


def ground(x: float, y: float) -> None:
    """Three bars below a wire's end."""
    for k, half in enumerate((9, 6, 3)):
        wire((x - half, y + 4 * k), (x + half, y + 4 * k), kind="g")


def resistor(x: float, y: float) -> None:
    """An upright resistor, 26 high, from y downwards."""
    parts.append(f'<rect class="b" x="{x - 6:g}" y="{y:g}" width="12" height="26"/>')


def board() -> None:
    """Computer, board, and what is at its pins."""
    box(30, 30, 160, 44, "computer", "USB")
    wire((110, 74), (110, 110), kind="s")
    text(118, 96, "serial line")
    box(30, 110, 160, 330, "board", "Uno or Nano")
    for y, pin in ((180, "D2"), (205, "D3"), (230, "D12"), (275, "D8"), (325, "D4"), (375, "A0")):
        text(182, y + 4, pin, "n", "end")
    for y, name in ((180, "LOAD"), (205, "CLOCK"), (230, "DATA")):
        wire((190, y), (214, y), kind="s")
        named(214, y, name, 1)
    for y, name in ((275, "SERVO 1"), (325, "OUTPUT 1"), (375, "SYNC")):
        wire((190, y), (232, y), kind="s")
        named(232, y, name, 1)
        wire((206, y), (206, y + 6))
        resistor(206, y + 6)
        wire((206, y + 32), (206, y + 35))
        ground(206, y + 35)
        text(218, y + 24, "10 kOhm")
    text(38, 416, "RESET")
    wire((60, 440), (60, 462))
    wire((48, 462), (72, 462))
    wire((48, 468), (72, 468))
    wire((60, 468), (60, 486))
    ground(60, 486)
    text(80, 470, "10 uF")
    text(182, 424, "VIN", "n", "end")
    wire((190, 428), (270, 428), (270, 580), (190, 580), kind="p")
    box(30, 556, 160, 48, "supply of the board", "7 to 9 V, its own")


def registers() -> None:
    """The three shift registers, with what of door 1 is at which pin."""
    rows = (
        (40, 3, "beams", ((11, "BEAM 1"),)),
        (140, 2, "stripes", ((11, "STRIPE 1"),)),
        (240, 1, "limit switches", ((11, "OPEN 1"), (3, "CLOSED 1"))),
    )
    for y, number, what, pins in rows:
        box(350, y, 150, 72, f"74HC165 ({number})", what)
        for k, (pin, name) in enumerate(pins):
            at = y + 36 + 22 * k
            text(494, at + 4, str(pin), "n", "end")
            wire((500, at), (516, at), kind="s")
            named(516, at, name, 1)
    for y in (112, 212):
        wire((425, y), (425, y + 28), kind="s")
        text(431, y + 18, "9 to 10")
    wire((425, 312), (425, 330), kind="s")
    text(431, 326, "9")
    named(425 - 24, 339, "DATA", 1)
    for k, words in enumerate(
        (
            "On all three: 1 to LOAD, 2 to CLOCK,",
            "8 and 15 to ground, 16 to 5 V of the",
            "board, 100 nF from 16 to 8.",
            "DATA: 10 kOhm to 5 V.",
        )
    ):
        text(350, 372 + 16 * k, words)


def door() -> None:
    """The door from the front, its servo, and where its wires go."""
    for x in (690, 826):
        parts.append(
            f'<rect x="{x}" y="120" width="14" height="300" fill="#d8dce2" stroke="#333"/>'
        )
    parts.append('<rect x="707" y="190" width="116" height="140" fill="#eaf2fb" stroke="#333"/>')
    parts.append(
        '<rect x="707" y="326" width="116" height="10" rx="5" fill="#f3c969" stroke="#333"/>'
    )
    for k in range(14):
        parts.append(f'<rect x="812" y="{198 + 9 * k}" width="9" height="4.5" fill="#333"/>')
    text(758, 226, "panel, guide:", "n", "middle")
    text(758, 242, "50 g at most,", "n", "middle")
    text(758, 258, "0.5 N at edge,", "n", "middle")
    text(758, 274, "5 cm/s at most", "n", "middle")
    text(765, 353, "soft edge", "n", "middle")
    parts.append('<line x1="670" y1="412" x2="860" y2="412" stroke="#333" stroke-width="2"/>')
    text(765, 440, "closed on a stop in the frame: 6 mm gap for a tail", "n", "middle")
    parts.append('<circle class="b" cx="765" cy="70" r="26"/>')
    text(765, 74, "servo", "t", "middle")
    wire((765, 96), (765, 190))
    text(772, 148, "string")
    for y, name, kind in ((48, "SERVO 1", "s"), (70, "SERVO 5 V", "p"), (92, "GROUND", "g")):
        wire((752 if y != 70 else 739, y), (716, y), kind=kind)
        named(716, y, name, -1)
    for y, name in ((128, "OPEN 1"), (392, "CLOSED 1")):
        parts.append(f'<rect class="b" x="842" y="{y}" width="18" height="14"/>')
        named(864, y + 7, name, 1)
    parts.append('<rect class="b" x="842" y="255" width="18" height="20"/>')
    named(864, 265, "STRIPE 1", 1)
    text(864, 288, "slotted")
    text(864, 302, "barrier")
    parts.append('<circle class="b" cx="682" cy="384" r="7"/>')
    wire((689, 384), (840, 384), kind="p")
    named(672, 384, "BEAM 1", -1)


def inputs() -> None:
    """How one switch, one stripe barrier, and one output are joined to what they go to."""
    text(350, 470, "a switch or beam", "t")
    text(372, 496, "5 V", "n", "middle")
    wire((372, 500), (372, 508), kind="p")
    resistor(372, 508)
    wire((372, 534), (372, 554), kind="s")
    wire((372, 544), (410, 544), kind="s")
    named(410, 544, "OPEN 1", 1)
    wire((372, 554), (384, 574))
    wire((372, 578), (372, 586))
    ground(372, 586)
    text(384, 525, "10 kOhm")
    text(350, 618, "closed: door is there; a")
    text(350, 634, "beam: while it sees light")

    text(530, 470, "the stripe barrier", "t")
    for x, ohm in ((550, "220 Ohm"), (640, "10 kOhm")):
        text(x, 496, "5 V", "n", "middle")
        wire((x, 500), (x, 508), kind="p")
        resistor(x, 508)
        text(x + 10, 525, ohm)
    wire((550, 534), (550, 550))
    parts.append('<polygon class="b" points="541,550 559,550 550,565"/>')
    wire((541, 566), (559, 566))
    wire((550, 566), (550, 586))
    ground(550, 586)
    text(570, 562, "light")
    wire((640, 534), (640, 586), kind="s")
    parts.append('<circle class="b" cx="640" cy="564" r="9"/>')
    ground(640, 586)
    wire((640, 543), (656, 543), kind="s")
    named(656, 543, "STRIPE 1", 1)
    text(530, 618, "LED and phototransistor; the")
    text(530, 634, "film with bars runs between")

    text(795, 470, "an output", "t")
    named(795, 496, "OUTPUT 1", 1)
    wire((830, 505), (830, 530), kind="s")
    box(
        760,
        530,
        165,
        70,
        "laser, LED driver",
        "its trigger input; key and",
        "interlock stay its own",
    )


def supply() -> None:
    """The servos' supply and the one point at which all grounds meet."""
    box(350, 656, 190, 44, "servo supply", "5 V, 4 A, its own")
    wire((540, 668), (576, 668), kind="p")
    named(576, 668, "SERVO 5 V", 1)
    wire((540, 688), (576, 688), kind="g")
    named(576, 688, "GROUND", 1)
    text(684, 672, "to the servos only, 1000 uF across it there;")
    text(684, 692, "joined with the board's ground at one point")


def draw() -> str:
    """The whole drawing."""
    for part in (board, registers, door, inputs, supply):
        part()
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif" font-size="13" role="img" aria-label="{WHAT}">'
    )
    white = '<rect width="100%" height="100%" fill="#fff"/>'
    return "\n".join((head, white, f"<style>{STYLE}</style>", *parts, "</svg>")) + "\n"


if __name__ == "__main__":
    path = Path(__file__).parents[1] / "wiring.svg"
    path.write_text(draw(), encoding="utf-8")
