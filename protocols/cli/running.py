"""`run`: one session, in this process at full speed, or in the rig's station in real time."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocols.asking import (
    Choice,
    Pairing,
    make_wish,
    pairing_of,
    ready,
    ready_here,
    refuse,
    seen_working,
    start,
    station,
    work,
    works,
)
from protocols.cli.exits import in_words, of_ending
from protocols.cli.keys import Keys, keys
from protocols.cli.scoring import print_summary
from protocols.cli.table import from_here, print_json, progress
from rig.channel import ChannelClient, ensure, find, spell_source
from rig.engine import Outcome
from rig.errors import ConfigError, NotReadyError, RigError, StationError
from rig.model import Tick
from rig.session import LoadedRig, Wish, consent, load_rig, record
from rig.session.load import LoadedBox
from rig.session.preflight import Finding
from rig.setup import MOST_MW, Stimulation
from rig.steps import Until
from rig.storage import check_study, check_subject, note_pairing

POLL_S = 0.2


@dataclass(frozen=True)
class Manner:
    """How a session is run, whatever session it is: options of `run` and of `study run`."""

    speed: str
    seed: int
    yes: bool
    as_json: bool
    anyway: bool = False


@dataclass(frozen=True)
class Asked:
    """The command line."""

    name: str
    subject: str
    rig: str
    out: Path
    phase: str | None
    box: str | None
    paired: str | None
    assigned: list[str]
    operator: str
    codec: str | None
    manner: Manner
    dry_run: bool = False
    fibre: str = ""
    power_mw: float | None = None

    @property
    def choice(self) -> Choice:
        """The session that is asked for."""
        return Choice(
            name=self.name,
            subject=self.subject,
            rig=self.rig,
            out=self.out,
            phase=self.phase,
            box=self.box,
            paired=self.paired,
            assigned=self.assigned,
            operator=self.operator,
            codec=self.codec,
            stimulation=self._stimulation(),
        )

    def _stimulation(self) -> Stimulation:
        power_mw = self.power_mw
        if power_mw is not None and not 0 < power_mw <= MOST_MW:
            raise ConfigError("--power-mw", "", f"{power_mw:g}: above 0 and at most {MOST_MW} mW")
        return Stimulation(dry_run=self.dry_run, fibre=self.fibre, power_mw=power_mw)


@dataclass(frozen=True)
class Ended:
    """How a session ended, and where it is."""

    folder: Path
    status: str
    reason: str
    summary: Mapping[str, Any] | None


def run(asked: Asked) -> int:
    """Run it, and tell how it ended; the exit code."""
    return _tell(asked, carry_out(asked, asked.choice))


def carry_out(asked: Asked, choice: Choice) -> Ended:
    """Run one session to its end, as `asked`; what is run is the choice's. Raises RigError."""
    if asked.manner.speed not in ("1", "max"):
        raise ConfigError("--speed", "", f"{asked.manner.speed!r}: 1 or max")
    check_subject(asked.subject)
    check_study(choice.out)
    loaded = load_rig(asked.rig)
    wish, loaded_box = _wish(asked, choice, loaded)
    pairing, box = pairing_of(choice, loaded_box), loaded_box.box.name
    if asked.manner.speed == "max":
        if not asked.manner.anyway:
            refuse(ready_here(loaded, loaded_box, wish, choice.out))
        return _at_full_speed(asked, loaded, wish, box, pairing)
    alone = find(spell_source(asked.rig)) is None
    with station(asked.rig, loaded.digest) as client:
        looked = _preflight(
            asked,
            client,
            lambda: ready(client, loaded, loaded_box, wish, choice.out),
            alone=alone,
        )
        watch = _Watch(asked, client, box)
        told = _worked(asked, client, box, works(loaded, loaded_box, wish), alone=alone)
        folder = watch.start(wish, pairing, alone=alone)
        # Said of a session that has begun: one that cannot begin is told in its one line.
        if not asked.manner.as_json:
            print(*looked, sep="\n", flush=True)
        sys.stderr.write(told)
        return watch.run(folder)


def _worked(
    asked: Asked, client: ChannelClient, box: str, names: Sequence[str], *, alone: bool
) -> str:
    """Each door and light worked once, on the word that the box is empty; what came of it.

    Raises RigError; a station that was started for this session ends again then.
    """
    if not names:
        return ""
    word, listed = asked.manner.yes, ", ".join(names)
    if not word and sys.stdin.isatty():
        with keys() as pressed:
            question = f"is box {box} empty? {listed}: each is worked once and looked for."
            word = _agreed(question, pressed)
    if not word:
        return (
            f"{listed}: not worked, as nobody said that the box is empty (--yes): doors close on no"
            " animal and outputs stay off in this session\n"
        )
    try:
        worked = work(client, box)
    except RigError:
        if alone:
            with suppress(RigError):
                client.request("quit")
        raise
    return "".join(f"{one}\n" for one in seen_working(worked))


def _preflight(
    asked: Asked, client: ChannelClient, look: Callable[[], list[Finding]], *, alone: bool
) -> list[Finding]:
    """Look at all that has to be in order. Raises NotReadyError where it is not."""
    try:
        findings = look()
        if not asked.manner.anyway:
            refuse(findings)
    except RigError as error:
        if alone:  # nobody waits for a station that was started for this session
            with suppress(RigError):
                client.request("quit")
        if isinstance(error, NotReadyError):
            raise NotReadyError(f"{error}. --anyway starts it all the same") from None
        raise
    return findings


def _wish(asked: Asked, choice: Choice, loaded: LoadedRig) -> tuple[Wish, LoadedBox]:
    by_hand = sys.stdin.isatty() and not loaded.simulated and asked.manner.speed == "1"
    wish, box = make_wish(choice, loaded, "operator" if by_hand else "auto")
    plan = wish.plan
    endless = [
        plan.step_name(i)
        for i, step in enumerate(plan.step)
        if step.end is Until.TIME and step.duration_s is None
    ]
    if endless and asked.manner.speed == "max" and loaded.simulated:
        message = f"step {endless[0]} ends with the recording, which a simulated one never does"
        raise ConfigError("--speed", "", f"'max': {message}; give it a time (--set test_s=600)")
    return wish, box


def _at_full_speed(
    asked: Asked, loaded: LoadedRig, wish: Wish, box: str, pairing: Pairing | None
) -> Ended:
    total_s = sum(step.duration_s or 0 for step in wish.plan.step)
    with progress(f"{wish.subject} {wish.phase}") as told:

        def tell(tick: Tick, outcome: Outcome) -> None:
            if tick.k == 0 and pairing is not None:
                note_pairing(asked.out, *pairing)
            if tick.k % 256 == 0:
                began = outcome.state.zero_ns or 0
                told(min((tick.t_ns - began) / 1e9, total_s), total_s)

        result = record(
            wish,
            loaded,
            out=asked.out,
            box=box,
            speed="max",
            seed=asked.manner.seed,
            operator=consent(asked.operator) if asked.manner.yes and not loaded.simulated else None,
            listeners=(tell,),
        )
    return Ended(result.folder, str(result.ending.status), result.ending.reason, result.summary)


def _tell(asked: Asked, ended: Ended) -> int:
    folder, status, reason, summary = ended.folder, ended.status, ended.reason, ended.summary
    if asked.manner.as_json:
        told = {"folder": str(folder), "status": status, "reason": reason}
        print_json({**told, "summary": dict(summary or {})})
    else:
        print(in_words(status, reason))
        if summary is not None and float(summary["test_s"] or 0) > 0:
            print_summary(summary)
        print(f"recorded in {from_here(folder)}")
    return of_ending(status)


class _Watch:
    """A person (or a script) in front of a session that runs in a station."""

    def __init__(self, asked: Asked, client: ChannelClient, box: str) -> None:
        self._asked, self._client, self._box = asked, client, box
        self._seen = 0
        self._waiting: list[dict[str, Any]] = []
        self._paused = False
        self._quiet = asked.manner.as_json

    def start(self, wish: Wish, pairing: Pairing | None, *, alone: bool) -> Path:
        """Ask for the session; its folder. Raises RigError, and nothing was made then."""
        out, seed = self._asked.out, self._asked.manner.seed
        try:
            return start(self._client, self._box, wish, out, pairing, alone=alone, seed=seed)
        except KeyboardInterrupt:
            # This connection waits for its answer: the abort goes over another one.
            with suppress(RigError), ensure(self._asked.rig) as other:
                abort = {"kind": "abort", "who": self._asked.operator}
                other.request("request", box=self._box, request=abort)
            raise

    def run(self, folder: Path) -> Ended:
        """Watch it to its end, and pass on what the person says."""
        if not self._quiet:
            print(f"recording to {from_here(folder)}")
            if sys.stdin.isatty():
                print("Enter confirms, p pauses, e asks to end, Ctrl-C asks to abort")
        with keys() as pressed:
            while True:
                try:
                    done = self._turn(pressed)
                    if done is not None:
                        break
                    time.sleep(POLL_S)
                except KeyboardInterrupt:
                    self._interrupted(pressed)
                except StationError as error:
                    kept = f"what was recorded is in {from_here(folder)}: resume or close it"
                    raise StationError(f"{error}; {kept}") from None
        return Ended(folder, done["status"], done["reason"], done.get("summary"))

    def _turn(self, pressed: Keys) -> dict[str, Any] | None:
        told = self._client.request("events", box=self._box, since=self._seen)
        for event in told["events"]:
            self._seen += 1
            self._hear(event)
        key = pressed()
        if key in ("\r", "\n"):
            self._confirm()
        elif key == "p":
            self._paused = not self._paused
            self._ask("pause" if self._paused else "resume")
        elif key == "e" and _agreed("end this session here, as completed?", pressed):
            self._ask("end")
        ended: dict[str, Any] | None = told.get("ended")
        return ended

    def _hear(self, event: Mapping[str, Any]) -> None:
        kind, data = event["kind"], event["data"]
        if kind == "prompt":
            if self._asked.manner.yes and not data.get("again"):
                self._answer(data)
            else:
                self._waiting.append(dict(data))
        elif kind in ("step_ended", "step_started"):
            self._waiting.clear()
        if self._quiet:
            return
        said = sentence(kind, data)
        if said:
            print(f"{float(event['t_s']):9.1f} s  {said}", flush=True)

    def _confirm(self) -> None:
        if self._waiting:
            self._answer(self._waiting.pop(0))

    def _answer(self, prompt: Mapping[str, Any]) -> None:
        ask = prompt["ask"]
        if ask == "door":
            self._ask("confirm", name=prompt["door"], value=prompt.get("value", ""))
        elif ask in ("empty", "arm", "confirm"):
            self._ask(ask)

    def _ask(self, kind: str, **fields: str) -> None:
        request = {"kind": kind, "who": self._asked.operator, **fields}
        # Refused where the session has just ended; the next turn hears of that.
        with suppress(StationError):
            self._client.request("request", box=self._box, request=request)

    def _interrupted(self, pressed: Keys) -> None:
        if not sys.stdin.isatty() or _agreed("abort this session?", pressed, again=True):
            self._ask("abort")


def _agreed(question: str, pressed: Keys, *, again: bool = False) -> bool:
    """Whether the person presses y; Ctrl-C once more says what `again` says."""
    print(f"{question} y, or any other key to go on: ", end="", flush=True)
    try:
        while not (key := pressed()):
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        key = "y" if again else "n"
    print("yes" if key in ("y", "Y") else "no", flush=True)
    return key in ("y", "Y")


_ALARMS = {
    "wrong_chamber": "ALARM: the animal is in {found}, not in {expected}; look at the box",
    "track_lost": "the animal is not seen ({reason})",
    "hand_in_view": "a hand is in view",
    "two_animals": "ALARM: more than one animal is seen",
    "escape": "ALARM: the animal may have escaped; look at the box",
    "camera_stalled": "ALARM: the camera is silent; outputs are off; check its cable",
    "camera_back": "the camera is back after {silent_s} s",
    "camera_moved": "the camera was moved by {shift_cm} cm ({shift_px} px);"
    " its pictures are put right from now on",
    "camera_away": "ALARM: the camera was moved by {shift_cm} cm ({shift_px} px); set it back:"
    " until then the animal counts as lost",
    "camera_in_place": "the camera stands as at the start again",
    "door_doubted": "ALARM: {text}",
    "door_unseen": "door {name} was moved, but nothing moved in this box's picture;"
    " were cameras or boxes swapped?",
    "door_fault": "ALARM: door {name} {why}; it is left as it is",
    "controller_lost": "ALARM: board {board} is not reached; outputs are off; check its cable",
    "controller_back": "board {board} is back",
    "prompt": "-> {text}",
    "step_started": "step {step}: {name}",
    "hands_out": "hands out, animal in {zone}",
    "scoring_started": "scoring started",
    "scoring_ended": "scoring ended",
    "frames_dropped": "{frames} frames dropped",
    "output_withheld": "output {output} stays off in this session: {why}",
    "output_unconfirmed": "ALARM: output {output} was switched on, and its board does not say so;"
    " check the board and the light",
    "first_crossing": "first crossing, into {zone}",
    "limit": "step {name} waited {waiting} for {limit_s} s",
    "paused": "paused",
    "unpaused": "goes on",
}


def sentence(kind: str, data: Mapping[str, Any]) -> str:
    """An event in words for a technician; "" for those that are for the record alone."""
    if kind == "door":
        unseen = ", but looks as before" if data.get("seen") is False else ""
        return f"door {data['name']} {data['state']}{unseen}"
    if kind == "door_held":
        return "doors wait: " + "; ".join(data["reasons"])
    if kind == "light" and data["differs"]:
        return "the animal is seen otherwise with outputs on: " + ", ".join(data["differs"])
    if kind == "refused":
        return f"refused: {data['what']}: {data['why']}"
    if kind not in _ALARMS:
        return ""
    try:
        return _ALARMS[kind].format(**data)
    except KeyError:
        return kind
