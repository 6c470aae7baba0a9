"""Boards of a rig being made, and what is wired to them. Plain."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gui.setup.drawing import Kind, Part
from gui.setup.rig_draft import SIM, BoardDraft, BoxDraft, RigDraft
from rig.rigfile import NUMBERS


def with_board(draft: RigDraft, ports: Sequence[str]) -> RigDraft:
    """One more board, on the first of `ports` that no other board has."""
    names, used = {b.name for b in draft.boards}, {b.port for b in draft.boards}
    name = next(f"board-{n}" for n in range(1, 100) if f"board-{n}" not in names)
    free = [port for port in ports if port not in used]
    port = SIM if draft.simulated or not free else free[0]
    return replace(draft, boards=(*draft.boards, BoardDraft(name, port)))


def without_board(draft: RigDraft, k: int) -> RigDraft:
    """Without a board and all that is wired to it."""
    gone = f"{draft.boards[k].name}/"
    boards = draft.boards[:k] + draft.boards[k + 1 :]
    return _rewired(replace(draft, boards=boards), {gone: ""})


def board_renamed(draft: RigDraft, k: int, name: str) -> RigDraft:
    """A board that says another name; its wires stay."""
    old = draft.boards[k]
    boards = (*draft.boards[:k], replace(old, name=name), *draft.boards[k + 1 :])
    return _rewired(replace(draft, boards=boards), {f"{old.name}/": f"{name}/"})


def with_port(draft: RigDraft, k: int, port: str) -> RigDraft:
    """A board on another port."""
    board = replace(draft.boards[k], port=port)
    return replace(draft, boards=(*draft.boards[:k], board, *draft.boards[k + 1 :]))


def with_drive(box: BoxDraft, k: int, drive: str) -> BoxDraft:
    """A doorway whose door is moved otherwise; only a motor's is wired."""
    drawing = box.drawing.with_drive(Part(Kind.DOORWAY, k), drive)
    name = drawing.doorways[k].name
    doors = {n: place for n, place in box.doors.items() if n != name or drive == "board"}
    return replace(box, drawing=drawing, doors=doors)


def wired(box: BoxDraft, kind: str, name: str, place: str) -> BoxDraft:
    """A door, beam or output (`kind`: doors, beams, outputs) at a place; "": at none."""
    tables = {"doors": box.doors, "beams": box.beams, "outputs": box.outputs}
    table = {n: p for n, p in tables[kind].items() if n != name or place}
    if place:
        table[name] = place
    tables[kind] = table
    return replace(box, doors=tables["doors"], beams=tables["beams"], outputs=tables["outputs"])


def free_output(draft: RigDraft, board: str) -> str:
    """The first output of a board that no box has; "" for none."""
    taken = {place for box in draft.boxes for place in box.outputs.values()}
    places = [f"{board}/{n}" for n in range(1, NUMBERS["outputs"] + 1)]
    return next((place for place in places if place not in taken), "")


def _rewired(draft: RigDraft, instead: Mapping[str, str]) -> RigDraft:
    """The rig with wires to boards of other names; to none where the name is ""."""

    def to(table: Mapping[str, str]) -> dict[str, str]:
        made = {}
        for name, place in table.items():
            for old, new in instead.items():
                if place.startswith(old):
                    place = new + place.removeprefix(old) if new else ""
            if place:
                made[name] = place
        return made

    boxes = tuple(
        replace(b, doors=to(b.doors), beams=to(b.beams), outputs=to(b.outputs)) for b in draft.boxes
    )
    return replace(draft, boxes=boxes)
