"""What is asked of a rig for one session: the wish, the pairing, and the station that does it.

The same for whoever asks, a terminal or a window: nothing here is printed or read from a person.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast

from protocols import library
from protocols.extending import Base
from protocols.protocol import Protocol, parse, plan_session, roles, settings
from rig.channel import ChannelClient, connect, ensure, entries
from rig.errors import ConfigError, NotReadyError, RigError, StationError
from rig.session import LoadedRig, Wish, preflight
from rig.session.files import read_text
from rig.session.load import LoadedBox
from rig.session.preflight import Finding, Level
from rig.session.prepare import going
from rig.setup import Stimulation, Worked
from rig.steps import needs_board
from rig.storage import is_noted, note_pairing
from rig.storage.room import Going

log = logging.getLogger(__name__)

POLL_S = 0.2
NEW_STATION_S = 10.0
START_S = 90.0
"""Longest that a session may take to be prepared: a live background has its minute."""

BESIDE_S = 1.0
"""So long another station is waited for that is asked what its sessions still write."""

WORK_S = 240.0
"""Longest that the doors and lights of one box may take."""

DOOR_OFF = "it closes on no animal in this session"
OUTPUT_OFF = "it stays off in this session"

Codec = Literal["h264", "lossless"]

Pairing = tuple[str, str, str]
"""Animal, paired chamber, unpaired chamber."""


@dataclass(frozen=True)
class Choice:
    """One session as a person chooses it. None: the only one there is, or not said.

    `out` is the study's folder; `assigned` holds "KEY=VALUE" words for the parameters. A session
    that a study planned has its `uid`, `attempt` and `cues` (chamber to cue set), and its pairing
    is `withheld`: it is written nowhere.
    """

    name: str
    subject: str
    rig: str
    out: Path
    phase: str | None = None
    box: str | None = None
    paired: str | None = None
    assigned: Sequence[str] = ()
    operator: str = ""
    codec: str | None = None
    stimulation: Stimulation = field(default_factory=Stimulation)
    uid: str = ""
    attempt: int = 1
    cues: Mapping[str, str] | None = None
    withheld: bool = False


def find_protocol(name: str) -> tuple[Protocol, str]:
    """A shipped protocol or a protocol file, and what to call it in errors. Raises ConfigError."""
    if name in library.names():
        return library.read(name), name
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        text = read_text(path, "protocol file")
        return parse(text, str(path), lambda base: base_of(base, path.parent)), str(path)
    near = get_close_matches(name, library.names(), n=3)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    message = f"no such protocol{meant}; `placepref protocols` lists those that ship"
    raise ConfigError(name, "", f"{message}, or give a .toml file")


def protocol_text(name: str) -> tuple[str, str, Base]:
    """The text of a shipped protocol, or of a file, what messages call it, and its base."""
    if name in library.names():
        return library.text(name), name, library.text
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = ", ".join(library.names())
        message = f"{name!r}: no such protocol (shipped: {known}) and no such file"
        raise ConfigError("--protocol", "", message) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(name, "", f"cannot be read: {error}") from None
    return text, name, lambda other: base_of(other, path.parent)


def base_of(name: str, folder: Path) -> str:
    """The text of a shipped protocol, or of a file beside the one that extends it."""
    if name in library.names():
        return library.text(name)
    return read_text(folder / name, "protocol file")


def is_study(folder: Path) -> bool:
    """Whether a study was begun in this folder; asked without loading what a study needs."""
    return (folder / "study.toml").is_file()


def study_of(session: Path) -> Path | None:
    """The study that a session's folder lies in; None where it is in none."""
    if "rawdata" not in session.parts or len(session.parents) < 4:
        return None
    root = session.parents[3]
    return root if is_study(root) else None


def make_wish(
    choice: Choice, loaded: LoadedRig, arming: Literal["operator", "auto"]
) -> tuple[Wish, LoadedBox]:
    """What the rig is asked for, and its box. Raises ConfigError for what cannot run there."""
    if choice.codec not in (None, "h264", "lossless"):
        raise ConfigError("--codec", "", f"{choice.codec!r}: h264 or lossless")
    protocol, file = find_protocol(choice.name)
    phase = choice.phase
    if phase is None:
        if len(protocol.in_box) != 1:
            have = ", ".join(p.name for p in protocol.in_box) or "none that is in a box"
            raise ConfigError("--phase", "", f"missing: {protocol.name} has {have}")
        phase = protocol.in_box[0].name
    box = loaded.box_named(choice.box)
    plan = plan_session(
        protocol,
        phase,
        box.apparatus,
        choice.paired,
        settings(protocol, list(choice.assigned)),
        frozenset(box.box.outputs),
        file,
        box.apparatus_file,
        choice.cues,
    )
    uid = {"uid": choice.uid} if choice.uid else {}
    wish = Wish(
        plan=plan,
        subject=choice.subject,
        phase=phase,
        operator=choice.operator,
        arming=arming,
        codec=cast(Codec | None, choice.codec),
        stimulation=choice.stimulation,
        attempt=choice.attempt,
        **uid,
    )
    return wish, box


def pairing_of(choice: Choice, box: LoadedBox) -> Pairing | None:
    """What is to be noted of the animal's pairing; None where none was said.

    Raises ConfigError where it is no pairing of this box, or the study has another one noted:
    that is refused before anything is made.
    """
    if choice.paired is None or choice.withheld:
        return None
    known = roles(box.apparatus, choice.paired)
    pairing = choice.subject, known["paired"], known.get("unpaired", "")
    is_noted(choice.out, *pairing)
    return pairing


def station(source: str, digest: str) -> ChannelClient:
    """The station of a rig whose files are as they are now. Raises RigError.

    One that was started before a file was changed is asked to end, and another is started.
    """
    end_s = time.monotonic() + NEW_STATION_S
    while time.monotonic() < end_s:
        client = ensure(source)
        try:
            same = client.request("hello").get("digest") == digest
        except StationError:
            same = None  # it is just ending
        if same:
            return client
        try:
            if same is False:
                client.request("quit")
        except StationError as error:
            message = f"the files of {source} were changed since its station began: {error}"
            raise StationError(message) from None
        finally:
            client.close()
        time.sleep(POLL_S)
    message = f"the station of {source} still has the rig's old files, and does not end"
    raise StationError(message)


def works(loaded: LoadedRig, box: LoadedBox, wish: Wish) -> tuple[str, ...]:
    """The doors and outputs of a box that are to be worked before this session, by name.

    None on a simulated rig, and none where the plan wants no board.
    """
    dry_run = wish.stimulation.dry_run
    if loaded.simulated or not needs_board(wish.plan, box.apparatus, dry_run):
        return ()
    return (*box.box.doors, *(() if dry_run else sorted(wish.plan.outputs)))


def work(client: ChannelClient, box: str) -> Worked:
    """Have each door and light of a box worked once, on a person's word that it is empty.

    What was seen in its picture may close on an animal, or be switched, in the next session there.
    While another box of the station is being worked this one waits. Raises RigError, and what was
    begun was made safe.
    """
    end_s = time.monotonic() + WORK_S
    while True:
        told = client.request("work", box=box, empty=True, timeout_s=WORK_S)
        if "taken" not in told:
            break
        if time.monotonic() > end_s:
            raise StationError(str(told["taken"]))
        time.sleep(POLL_S)
    return Worked(doors=told["doors"], outputs=told["outputs"])


def seen_working(worked: Worked) -> list[Finding]:
    """A line for each door and light that was worked: one that was not seen is off, and why."""
    found = []
    for kind, told, good, off in (
        ("door", worked.doors, "moved there and back once, and seen to move", DOOR_OFF),
        ("output", worked.outputs, "switched on and off once", OUTPUT_OFF),
    ):
        for name, why in told.items():
            level = Level.WARN if why else Level.PASS
            found.append(Finding(f"{kind} {name}", level, why or good, off if why else ""))
    return found


def ready(
    client: ChannelClient,
    loaded: LoadedRig,
    box: LoadedBox,
    wish: Wish,
    out: Path,
    *,
    board: bool = True,
) -> list[Finding]:
    """What is looked at before a session: by the rig's station, and on this computer.

    `board`: boards are opened and asked, which resets most of them. Raises StationError.
    """
    wanted = board and needs_board(wish.plan, box.apparatus, _is_dry(wish))
    told = client.request("ready", box=box.box.name, boards=wanted, timeout_s=START_S)
    findings = [Finding.from_json(one) for one in told["findings"]]
    return [*findings, *ready_here(loaded, box, wish, out), preflight.power(wish.plan.longest_s())]


def ready_here(loaded: LoadedRig, box: LoadedBox, wish: Wish, out: Path) -> list[Finding]:
    """What is looked at on this computer: disk and clock."""
    now = datetime.now().astimezone()
    return [preflight.disk(going(wish, loaded, box, out), beside()), preflight.clock(out, now)]


def beside() -> list[Going]:
    """The sessions that run or begin, as all stations of this user tell of them.

    One that does not answer is left out: whatever ails it, no other box waits for it.
    """
    found: list[Going] = []
    try:
        stations = entries()
    except StationError:
        return found  # none can be run there, and who begins a session by one is told why
    for entry in stations:
        try:
            with connect(entry, BESIDE_S) as client:
                told = client.request("status", timeout_s=BESIDE_S)["boxes"].values()
            found += [Going.from_json(one["writes"]) for one in told if "writes" in one]
        except (StationError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.info("station %s tells nothing of its sessions: %s", entry.rig, error)
    return found


def refuse(findings: Sequence[Finding]) -> None:
    """Raise NotReadyError with all that stands against a start."""
    against = [one for one in findings if one.level is Level.FAIL]
    if against:
        said = ". ".join(f"{one.what}: {one.found}; {one.todo}" for one in against)
        raise NotReadyError(f"not started: {said}")


def _is_dry(wish: Wish) -> bool:
    return wish.stimulation is not None and wish.stimulation.dry_run


def start(
    client: ChannelClient,
    box: str,
    wish: Wish,
    out: Path,
    pairing: Pairing | None,
    *,
    alone: bool,
    **options: Any,
) -> Path:
    """Have the session begin, and its pairing noted; gives the session's folder.

    `options` are further fields of the station's `start` (seed, experimenter, animal). `alone`:
    the station was started for this session, and ends again if it cannot begin. Raises RigError,
    and no session was begun then.
    """
    try:
        reply = client.request(
            "start",
            box=box,
            wish=wish.model_dump(mode="json", by_alias=True, exclude_none=True),
            out=str(out.resolve()),
            timeout_s=START_S,
            **options,
        )
    except RigError:
        if alone:  # nobody waits for a station that was started for this session
            with suppress(RigError):
                client.request("quit")
        raise
    if pairing is not None:
        note_pairing(out, *pairing)
    return Path(reply["folder"])
