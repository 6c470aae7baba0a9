"""What stands between a choice and its start: a line each, in words, worst first where it counts.

Plain; reads files, so a page has it done behind. Nothing is made and no device is opened.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from gui.names import spoken
from gui.texts import say
from protocols.asking import (
    Choice,
    Pairing,
    beside,
    find_protocol,
    is_study,
    make_wish,
    pairing_of,
    ready,
    works,
)
from protocols.wording import named
from rig.apparatus import Apparatus, Drive
from rig.channel import connect, find, spell_source
from rig.errors import ConfigError, RigError
from rig.session import LoadedRig, Wish, empty_contrast, load_rig, preflight
from rig.session.load import LoadedBox
from rig.session.preflight import Finding
from rig.session.preflight import Level as Found
from rig.session.prepare import going
from rig.steps import needs_board, spell_s
from rig.storage import PAIRING, check_subject, read_pairing
from rig.storage.room import Going, can_hold, room_of, spell_bytes

PRACTICE = "-practice"
WEAK = 10.0
"""Grey levels of headroom below which noise decides."""


class Level(StrEnum):
    """How a line stands."""

    GOOD = "good"
    WARN = "warn"  # can be started
    BAD = "bad"  # cannot
    OPEN = "open"  # known only once it is started


_LEVELS = {Found.PASS: Level.GOOD, Found.WARN: Level.WARN, Found.FAIL: Level.BAD}


@dataclass(frozen=True)
class Line:
    """One line: the thing, how it stands, and what to do where something is to be done."""

    level: Level
    text: str


@dataclass(frozen=True)
class Wanted:
    """What a person chose on the page. `by_hand`: at a simulated rig, by this keyboard."""

    choice: Choice
    practice: bool = False
    blinded: bool = False
    by_hand: bool = True

    @property
    def recorded(self) -> Choice:
        """The choice with the folder that it is recorded in: practice goes apart."""
        if not self.practice or not self.choice.out.name:
            return self.choice
        out = self.choice.out
        return replace(self.choice, out=out.with_name(out.name + PRACTICE))


@dataclass(frozen=True)
class Checked:
    """A choice that was looked at. `wish` is None where it cannot be started."""

    wanted: Wanted
    lines: tuple[Line, ...]
    wish: Wish | None = None
    loaded: LoadedRig | None = None
    box: LoadedBox | None = None
    pairing: Pairing | None = None
    paired: str | None = None  # as it is, or as the folder has it noted
    pairing_open: bool = False  # blinded, and nobody has chosen the animal's paired chamber yet

    @property
    def ready(self) -> bool:
        """Whether it can be started."""
        return self.wish is not None and all(line.level is not Level.BAD for line in self.lines)

    @property
    def works(self) -> bool:
        """Whether the box has doors or lights that are to be worked before it."""
        if self.wish is None or self.loaded is None or self.box is None:
            return False
        return bool(works(self.loaded, self.box, self.wish))

    @property
    def pairing_file(self) -> Path:
        """Where the paired chambers of the choice's folder stand."""
        return self.wanted.recorded.out / PAIRING

    @property
    def sides(self) -> list[str]:
        """The chambers of the box that can be paired."""
        chambers = self.box.apparatus.chamber if self.box is not None else ()
        return [chamber.name for chamber in chambers if chamber.role != "neutral"]

    @property
    def apparatus(self) -> Apparatus | None:
        """The box seen from above."""
        return None if self.box is None else self.box.apparatus


def check(wanted: Wanted, status: Mapping[str, Any] | None = None) -> Checked:
    """Look at a choice. `status` is the station's, where one runs."""
    choice = wanted.recorded
    lines: list[Line] = []
    loaded, box = _box(choice, lines)
    named = _subject(choice, lines)
    known, legible = _pairing(choice, wanted, lines)
    if known is not None and choice.paired is None:
        choice = replace(choice, paired=known)
    wish = pairing = None
    lacking = False
    if loaded is not None and box is not None:
        wish, lacking = _plan(choice, loaded, wanted, lines)
        if wish is not None:
            pairing = _same(choice, box, wanted, lines)
        if wish is not None and status and status.get("camera"):
            lines += _looked_at(choice, loaded, box, wish)
        _camera(loaded, box, status or {}, lines)
        _contrast(loaded, box, status or {}, lines)
        _animal(loaded, box, lines)
        _doors(box, wish, lines)
        if wish is not None:
            _worked(works(loaded, box, wish), box, status or {}, lines)
    writes = None
    if loaded is not None and box is not None and wish is not None:
        writes = going(wish, loaded, box, choice.out)
    writable = _disk(choice, writes, lines)
    asked = lacking and wanted.blinded and named and writable and legible
    return Checked(wanted, tuple(lines), wish, loaded, box, pairing, choice.paired, asked)


def _say(lines: list[Line], level: Level, key: str, **values: object) -> None:
    lines.append(Line(level, say(f"preflight.{key}", **values)))


def _box(choice: Choice, lines: list[Line]) -> tuple[LoadedRig | None, LoadedBox | None]:
    try:
        loaded = load_rig(choice.rig)
        box = loaded.box_named(choice.box)
    except (RigError, OSError) as error:
        _say(lines, Level.BAD, "rig_bad", why=spoken(str(error)))
        return None, None
    kind = "rig_sim" if loaded.simulated else "rig_good"
    _say(lines, Level.GOOD, kind, rig=loaded.rig.name, box=box.box.name)
    return loaded, box


def _subject(choice: Choice, lines: list[Line]) -> bool:
    """Whether the animal has a name."""
    if not choice.subject:
        _say(lines, Level.BAD, "subject_missing")
        return False
    try:
        check_subject(choice.subject)
    except ConfigError as error:
        _say(lines, Level.BAD, "subject_bad", why=error.message)
        return False
    rawdata = choice.out / "rawdata" / f"sub-{choice.subject}"
    try:
        before = len(list(rawdata.glob("ses-*"))) if rawdata.is_dir() else 0
    except OSError:
        before = 0
    key = "subject_again" if before else "subject_new"
    _say(lines, Level.GOOD, key, subject=choice.subject, before=before)
    return True


def _pairing(choice: Choice, wanted: Wanted, lines: list[Line]) -> tuple[str | None, bool]:
    """The paired chamber that the folder has noted for the animal; whether it could be read."""
    try:
        noted = read_pairing(choice.out).get(choice.subject)
    except (RigError, OSError) as error:
        _say(lines, Level.BAD, "pairing_bad", why=spoken(str(error)))
        return None, False
    if noted and wanted.blinded:
        _say(lines, Level.GOOD, "paired_kept", file=choice.out / PAIRING, subject=choice.subject)
    return (noted[0] if noted else None), True


def _same(choice: Choice, box: LoadedBox, wanted: Wanted, lines: list[Line]) -> Pairing | None:
    try:
        return pairing_of(choice, box)
    except (RigError, OSError) as error:
        if wanted.blinded and isinstance(error, ConfigError):  # its words name the chamber
            file = choice.out / PAIRING
            _say(lines, Level.BAD, "paired_unfit", file=file, subject=choice.subject)
        else:
            _say(lines, Level.BAD, "pairing_bad", why=_message(error))
        return None


def _plan(
    choice: Choice, loaded: LoadedRig, wanted: Wanted, lines: list[Line]
) -> tuple[Wish | None, bool]:
    """What the rig is asked for; if nothing, whether because no paired chamber was chosen."""
    try:
        find_protocol(choice.name)
        by_hand = wanted.by_hand or not loaded.simulated
        wish, _ = make_wish(choice, loaded, "operator" if by_hand else "auto")
    except (RigError, OSError) as error:
        if isinstance(error, ConfigError) and error.file == "--paired":
            lacking = choice.paired is None
            hidden = "paired_hidden" if lacking else "paired_unfit"
            key = hidden if wanted.blinded else "paired_missing"
            file, subject = choice.out / PAIRING, choice.subject or "?"
            why = spoken(error.message)
            _say(lines, Level.BAD, key, why=why, file=file, subject=subject)
            return None, lacking
        _say(lines, Level.BAD, "plan_bad", why=_message(error))
        return None, False
    timed_s = sum(step.duration_s or 0 for step in wish.plan.step)
    key, lasts = "plan_good" if timed_s else "plan_untimed", spell_s(timed_s)
    _say(lines, Level.GOOD, key, phase=named(wish.phase), steps=len(wish.plan.step), lasts=lasts)
    return wish, False


def _message(error: Exception) -> str:
    """An error for somebody who chose on a page, not on a command line."""
    if isinstance(error, ConfigError) and error.file.startswith("--"):
        told = f"{error.key}: {error.message}" if error.key else error.message
        return spoken(told)
    return spoken(str(error))


def _camera(
    loaded: LoadedRig, box: LoadedBox, status: Mapping[str, Any], lines: list[Line]
) -> None:
    camera = status.get("camera")
    if not camera:
        _say(lines, Level.OPEN, "camera_open", camera=loaded.rig.camera.source)
    elif camera["silent"]:
        _say(lines, Level.BAD, "camera_silent", camera=camera["source"])
    else:
        _say(lines, Level.GOOD, "camera_good", rate=f"{camera['rate_hz']:g}")
    stands = (status.get("boxes") or {}).get(box.box.name, {})
    if stands.get("state") in ("preparing", "running", "finishing"):
        _say(lines, Level.BAD, "box_busy", box=box.box.name, subject=stands.get("subject", "?"))
    if box.picture is not None or loaded.simulated:
        _say(lines, Level.GOOD, "empty_known")
    elif any(d.drive is Drive.BOARD for d in box.apparatus.doorway):
        _say(lines, Level.WARN, "empty_unknown_doors")
    else:
        _say(lines, Level.GOOD, "empty_unknown")


def _looked_at(choice: Choice, loaded: LoadedRig, box: LoadedBox, wish: Wish) -> list[Line]:
    """What a rig that is open tells of itself. Its boards are asked when it is started."""
    entry = find(spell_source(choice.rig))
    if entry is None:
        return []
    try:
        with connect(entry) as client:
            findings = ready(client, loaded, box, wish, choice.out, board=False)
    except RigError:
        return []  # it ends or is busy with a start: what stands in the files is shown
    # The disk has its line, and so has a camera that does what it should.
    told = [f for f in findings if f.what != "disk" and (f.what, f.level) != ("camera", Found.PASS)]
    return [spelled(one) for one in told]


def spelled(finding: Finding) -> Line:
    """A finding as a line of the window."""
    todo = f" {finding.todo[0].upper()}{finding.todo[1:]}." if finding.todo else ""
    what = finding.what[0].upper() + finding.what[1:]
    return Line(_LEVELS[finding.level], f"{what}: {finding.found}.{todo}")


def _contrast(
    loaded: LoadedRig, box: LoadedBox, status: Mapping[str, Any], lines: list[Line]
) -> None:
    """By the picture of the empty box; else by the last session that this station had in it."""
    found: Mapping[str, float] = {}
    if box.picture is not None:
        try:
            found = empty_contrast(box.apparatus, box.picture, loaded.rig.camera.rate_hz)
        except ValueError as error:
            _say(lines, Level.WARN, "contrast_not", why=error)
            return
    if not found:
        found = (status.get("boxes") or {}).get(box.box.name, {}).get("contrast") or {}
    if not found:
        _say(lines, Level.OPEN, "contrast_open")
        return
    told = ", ".join(f"{name} {headroom:.0f}" for name, headroom in found.items())
    blind = [name for name, headroom in found.items() if headroom <= 0]
    if blind:
        _say(lines, Level.BAD, "contrast_blind", chambers=told, blind=", ".join(blind))
    elif min(found.values()) < WEAK:
        _say(lines, Level.WARN, "contrast_weak", chambers=told)
    else:
        _say(lines, Level.GOOD, "contrast_good", chambers=told)


def _animal(loaded: LoadedRig, box: LoadedBox, lines: list[Line]) -> None:
    """At how many places of each chamber an animal would be found, if no station has said so."""
    if box.picture is None or any(line.text.startswith("Animal: ") for line in lines):
        return
    with suppress(ValueError):  # said in the line on contrast
        seen = preflight.animal(box.apparatus, box.picture, loaded.rig.camera.rate_hz)
        if seen is not None:
            lines.append(spelled(seen))


def _doors(box: LoadedBox, wish: Wish | None, lines: list[Line]) -> None:
    doorways = box.apparatus.doorway
    board = [d.name for d in doorways if d.drive is Drive.BOARD]
    manual = [d for d in doorways if d.drive is Drive.MANUAL]
    seen = [d.name for d in manual if d.sweep_px is not None]
    still = [d.name for d in doorways if d.drive is Drive.NONE]
    if board:
        _say(lines, Level.OPEN, "doors_board", doors=", ".join(board))
    if manual:
        key = "doors_manual_seen" if seen else "doors_manual"
        names = ", ".join(d.name for d in manual)
        _say(lines, Level.GOOD, key, doors=names, seen=", ".join(seen))
    if still:
        _say(lines, Level.GOOD, "doors_none", doors=", ".join(still))
    if wish is not None and not board and needs_board(wish.plan, box.apparatus):
        _say(lines, Level.OPEN, "outputs", outputs=", ".join(sorted(wish.plan.outputs)))


def _worked(
    names: Sequence[str], box: LoadedBox, status: Mapping[str, Any], lines: list[Line]
) -> None:
    """What came of working the doors and outputs that this session wants."""
    if not names:
        return
    told = ((status.get("boxes") or {}).get(box.box.name) or {}).get("worked")
    if told is None:
        _say(lines, Level.WARN, "not_worked", names=", ".join(names))
        return
    good, unseen = [], []
    for kind in ("door", "output"):
        for name, why in told[f"{kind}s"].items():
            if why:
                _say(lines, Level.WARN, f"{kind}_unseen", name=name, why=why)
            elif kind == "output" and name in box.box.unseen:
                unseen.append(name)
            else:
                good.append(name)
    if unseen:
        _say(lines, Level.WARN, "worked_unseen", names=", ".join(unseen))
    if good:
        _say(lines, Level.GOOD, "worked", names=", ".join(good))


def _disk(choice: Choice, writes: Going | None, lines: list[Line]) -> bool:
    """Whether something can be written there. `writes`: what the session will."""
    out = choice.out
    if out == Path():
        _say(lines, Level.BAD, "out_missing")
        return False
    try:
        if is_study(out):
            _say(lines, Level.BAD, "out_study", out=out)
            return False
        if not can_hold(out):
            _say(lines, Level.BAD, "out_bad", out=out)
            return False
        room = room_of(writes or Going(out, 0.0, 0.0), beside())
    except OSError as error:
        _say(lines, Level.BAD, "out_gone", out=out, why=error.strerror)
        return False
    level, key = (Level.WARN, "disk_low") if room.low else (Level.GOOD, "disk_good")
    free, needed = spell_bytes(room.free), spell_bytes(room.needed)
    _say(lines, level, key, free=free, needed=needed, out=out)
    return True
