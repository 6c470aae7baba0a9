"""`run`: one session, in this process at full speed, or in the rig's station in real time."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocols.cli.describing import find_protocol
from protocols.cli.exits import of_ending
from protocols.cli.keys import Keys, keys
from protocols.cli.scoring import print_summary
from protocols.cli.table import progress
from protocols.protocol import plan_session, roles, settings
from rig.channel import ChannelClient, ensure
from rig.engine import Outcome
from rig.errors import ConfigError
from rig.model import Tick
from rig.session import LoadedRig, Wish, consent, load_rig, record
from rig.storage import check_subject, note_pairing

POLL_S = 0.2


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
    speed: str
    seed: int
    codec: str | None
    yes: bool
    as_json: bool


def run(asked: Asked) -> int:
    """Run it; the exit code."""
    if asked.speed not in ("1", "max"):
        raise ConfigError("--speed", "", f"{asked.speed!r}: 1 or max")
    if asked.codec not in (None, "h264", "lossless"):
        raise ConfigError("--codec", "", f"{asked.codec!r}: h264 or lossless")
    check_subject(asked.subject)
    loaded = load_rig(asked.rig)
    wish, box = _wish(asked, loaded)
    if asked.paired is not None:
        known = roles(loaded.box_named(box).apparatus, asked.paired)
        note_pairing(asked.out, asked.subject, known["paired"], known.get("unpaired", ""))
    if asked.speed == "max":
        return _at_full_speed(asked, loaded, wish, box)
    with ensure(asked.rig) as client:
        return _Watch(asked, client, box).run(wish)


def _wish(asked: Asked, loaded: LoadedRig) -> tuple[Wish, str]:
    protocol, file = find_protocol(asked.name)
    phase = asked.phase
    if phase is None:
        if len(protocol.phase) > 1:
            have = ", ".join(p.name for p in protocol.phase)
            raise ConfigError("--phase", "", f"missing: {protocol.name} has {have}")
        phase = protocol.phase[0].name
    box = loaded.box_named(asked.box)
    plan = plan_session(
        protocol,
        phase,
        box.apparatus,
        asked.paired,
        settings(protocol, asked.assigned),
        frozenset(box.box.outputs),
        file,
    )
    by_hand = sys.stdin.isatty() and not loaded.simulated and asked.speed == "1"
    wish = Wish(
        plan=plan,
        subject=asked.subject,
        phase=phase,
        operator=asked.operator,
        arming="operator" if by_hand else "auto",
        codec=asked.codec,
    )
    return wish, box.box.name


def _at_full_speed(asked: Asked, loaded: LoadedRig, wish: Wish, box: str) -> int:
    total_s = sum(step.duration_s or 0 for step in wish.plan.step)
    with progress(f"{wish.subject} {wish.phase}") as told:

        def tell(tick: Tick, outcome: Outcome) -> None:
            if tick.k % 256 == 0:
                began = outcome.state.zero_ns or 0
                told(min((tick.t_ns - began) / 1e9, total_s), total_s)

        result = record(
            wish,
            loaded,
            out=asked.out,
            box=box,
            speed="max",
            seed=asked.seed,
            operator=consent(asked.operator) if asked.yes and not loaded.simulated else None,
            listeners=(tell,),
        )
    return _ended(
        asked, result.folder, str(result.ending.status), result.ending.reason, result.summary
    )


def _ended(
    asked: Asked, folder: Path, status: str, reason: str, summary: Mapping[str, Any] | None
) -> int:
    if asked.as_json:
        print(
            json.dumps(
                {
                    "folder": str(folder),
                    "status": status,
                    "reason": reason,
                    "summary": dict(summary or {}),
                }
            )
        )
    else:
        print(f"{status}: {reason}")
        if summary is not None and float(summary["test_s"] or 0) > 0:
            print_summary(summary)
        print(f"recorded in {folder}")
    return of_ending(status)


class _Watch:
    """A person (or a script) in front of a session that runs in a station."""

    def __init__(self, asked: Asked, client: ChannelClient, box: str) -> None:
        self._asked, self._client, self._box = asked, client, box
        self._seen = 0
        self._waiting: list[dict[str, Any]] = []
        self._paused = False
        self._quiet = asked.as_json

    def run(self, wish: Wish) -> int:
        reply = self._client.request(
            "start",
            box=self._box,
            wish=wish.model_dump(mode="json", by_alias=True, exclude_none=True),
            out=str(self._asked.out.resolve()),
            seed=self._asked.seed,
            timeout_s=90.0,
        )
        folder = Path(reply["folder"])
        if not self._quiet:
            print(f"recording to {folder}")
            if sys.stdin.isatty():
                print("Enter confirms, p pauses, Ctrl-C asks to abort")
        with keys() as pressed:
            while True:
                try:
                    done = self._turn(pressed)
                    if done is not None:
                        break
                    time.sleep(POLL_S)
                except KeyboardInterrupt:
                    self._interrupted()
        return _ended(self._asked, folder, done["status"], done["reason"], done.get("summary"))

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
        ended: dict[str, Any] | None = told.get("ended")
        return ended

    def _hear(self, event: Mapping[str, Any]) -> None:
        kind, data = event["kind"], event["data"]
        if kind == "prompt":
            if self._asked.yes:
                self._answer(data)
            else:
                self._waiting.append(dict(data))
        elif kind in ("step_ended", "step_started"):
            self._waiting.clear()
        if self._quiet:
            return
        sentence = _sentence(kind, data)
        if sentence:
            print(f"{float(event['t_s']):9.1f} s  {sentence}", flush=True)

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
        self._client.request(
            "request", box=self._box, request={"kind": kind, "who": self._asked.operator, **fields}
        )

    def _interrupted(self) -> None:
        if sys.stdin.isatty():
            try:
                said = input("\nabort this session? y aborts, anything else goes on: ")
            except (KeyboardInterrupt, EOFError):
                said = "y"
            if said.strip().lower() not in ("y", "yes"):
                return
        self._ask("abort")


_ALARMS = {
    "wrong_chamber": "ALARM: the animal is in {found}, not in {expected}; look at the box",
    "track_lost": "the animal is not seen ({reason})",
    "hand_in_view": "a hand is in view",
    "two_animals": "ALARM: more than one animal is seen",
    "escape": "ALARM: the animal may have escaped; look at the box",
    "camera_stalled": "ALARM: the camera is silent; outputs are off; check its cable",
    "camera_back": "the camera is back after {silent_s} s",
    "door_fault": "ALARM: door {name} {why}; it is left as it is",
    "controller_lost": "ALARM: board {board} is not reached; outputs are off; check its cable",
    "controller_back": "board {board} is back",
    "prompt": "-> {text}",
    "step_started": "step {step}: {name}",
    "hands_out": "hands out, animal in {zone}",
    "scoring_started": "scoring started",
    "scoring_ended": "scoring ended",
    "frames_dropped": "{frames} frames dropped",
    "limit": "step {name} waited {waiting} for {limit_s} s",
    "paused": "paused",
    "unpaused": "goes on",
    "ending": "{status}: {reason}",
}


def _sentence(kind: str, data: Mapping[str, Any]) -> str:
    if kind == "door":
        return f"door {data['name']} {data['state']}"
    if kind == "door_held":
        return "doors wait: " + "; ".join(data["reasons"])
    if kind == "refused":
        return f"refused: {data['what']}: {data['why']}"
    if kind not in _ALARMS:
        return ""
    try:
        return _ALARMS[kind].format(**data)
    except KeyError:
        return kind
