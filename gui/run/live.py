"""A box as the window knows it: what its station said last, and what can be asked. Plain data.

Nothing in here is decided: a step, a door or a prompt changes when the station's event comes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gui.run.alarms import Alarms
from rig.setup import Setup
from rig.steps import Do, describe

ANSWERABLE = ("empty", "arm", "door", "confirm")
HISTORY = 200


class Standing(StrEnum):
    """What a box does."""

    IDLE = "idle"
    PREPARING = "preparing"
    RUNNING = "running"
    FINISHING = "finishing"
    ENDED = "ended"


@dataclass(frozen=True)
class Prompt:
    """What the session waits for a person to do, and to answer where it can be answered."""

    ask: str
    text: str
    chamber: str = ""
    door: str = ""
    value: str = ""
    t_s: float = 0.0

    @property
    def answerable(self) -> bool:
        """Whether it ends by a person's word; the others end by what the camera sees."""
        return self.ask in ANSWERABLE


@dataclass(frozen=True)
class Deed:
    """What the window asks the station for: a request to the session, or the simulated hand."""

    kind: str
    fields: dict[str, str] = field(default_factory=dict)
    hand: bool = False


@dataclass
class LiveBox:
    """One box of one rig. `stand` takes its status, `hear` its events, `know` its setup."""

    rig: str
    name: str
    state: Standing = Standing.IDLE
    uid: str = ""
    status: dict[str, Any] = field(default_factory=dict)
    setup: Setup | None = None
    prompts: list[Prompt] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    alarms: Alarms = field(default_factory=Alarms)
    ended: dict[str, Any] | None = None
    put_away: str = ""  # uid of the ended session that nobody wants to see any more
    blinded: bool = False
    lost: bool = False  # its station does not answer, in the middle of a session
    _status_s: float = 0.0

    # --- what the station says

    def stand(self, status: Mapping[str, Any], now_s: float) -> None:
        """Its status is new; `now_s` is the window's clock."""
        uid = str(status.get("uid", ""))
        if self.lost and uid != self.uid and self.put_away != self.uid:
            return  # the session that broke off stays in sight until somebody has seen it
        self.lost = False
        if uid != self.uid:
            self._forget(uid)
        self.status, self._status_s = dict(status), now_s
        self.state = Standing(status["state"])

    def _forget(self, uid: str) -> None:
        self.uid, self.setup, self.ended, self.blinded = uid, None, None, False
        self.prompts.clear()
        self.history.clear()
        self.alarms.clear()

    def know(self, setup: Setup) -> None:
        """What its session's setup.json says."""
        self.setup = setup

    def hear(self, events: Iterable[Mapping[str, Any]]) -> None:
        """What happened since, oldest first."""
        for event in events:
            kind, data = str(event["kind"]), dict(event["data"])
            self.alarms.hear(event)
            self.history.append(dict(event))
            del self.history[:-HISTORY]
            if kind == "prompt":
                self._prompt(data, float(event["t_s"]))
            elif kind in ("step_started", "step_ended", "stop", "ending"):
                self.prompts.clear()
            elif kind == "armed":
                self._answered("arm")
            elif kind == "requested" and data.get("request") in ("empty", "confirm"):
                self._answered(str(data["request"]))
            elif kind == "closing_permitted":
                self._answered("empty")
            elif kind == "door" and data.get("source") == "operator":
                self._answered("door", str(data["name"]))
            elif kind == "resumed":
                self.prompts.clear()

    def _prompt(self, data: Mapping[str, Any], t_s: float) -> None:
        told = {k: str(data.get(k) or "") for k in ("ask", "text", "chamber", "door", "value")}
        self._answered(told["ask"], told["door"])
        self.prompts.append(Prompt(**told, t_s=t_s))

    def _answered(self, ask: str, door: str = "") -> None:
        self.prompts = [p for p in self.prompts if p.ask != ask or (door and p.door != door)]

    def end(self, ended: Mapping[str, Any]) -> None:
        """It is complete: status, reason, summary, folder."""
        self.ended = dict(ended)
        self.prompts.clear()
        self.alarms.clear()

    def lose(self) -> None:
        """Its station does not answer any more."""
        if self.live and not self.lost:
            self.lost = True
            self.alarms.raise_("station_lost", folder=self.folder)

    def close(self, stop: Mapping[str, Any]) -> None:
        """The station is gone, but its stop record is written: it had ended."""
        self.lost, self.state = False, Standing.ENDED
        self.end({"status": stop.get("status", "failed"), "reason": stop.get("reason", "")})

    def find(self) -> None:
        """Its station answers again."""
        self.lost = False
        self.alarms.end("station_lost")

    def put_it_away(self) -> None:
        """Somebody has seen how it ended."""
        self.put_away = self.uid
        if self.lost:
            self.lost, self.state = False, Standing.IDLE
            self.alarms.clear()

    # --- what can be asked

    @property
    def live(self) -> bool:
        """Whether a session is being prepared, runs, or is being completed."""
        return self.state in (Standing.PREPARING, Standing.RUNNING, Standing.FINISHING)

    @property
    def shown(self) -> bool:
        """Whether its session is to be seen, rather than the choice of the next."""
        return self.live or (self.state is Standing.ENDED and self.put_away != self.uid)

    @property
    def hand(self) -> bool:
        """Whether a person stands at a simulated rig, whose hand the program moves."""
        return self.setup is not None and self.setup.simulated and self.setup.arming == "operator"

    @property
    def prompt(self) -> Prompt | None:
        """What comes first of what is waited for: an answer before a look."""
        waiting = [p for p in self.prompts if p.answerable or (self.hand and p.ask != "confirm")]
        rest = waiting or self.prompts
        # A hand that was told to place is followed by a word: what was asked first is done first.
        return rest[0] if rest else None

    @property
    def arming(self) -> bool:
        """Whether it waits to be armed."""
        return any(p.ask == "arm" for p in self.prompts)

    @property
    def paused(self) -> bool:
        """Whether the session is paused."""
        return bool(self.status.get("paused"))

    def answer(self) -> list[Deed]:
        """What the foot switch does now: the answer to the prompt; nothing where none can be."""
        prompt = self.prompt
        if prompt is None or not self.live:
            return []
        if prompt.ask in ("empty", "arm", "confirm"):
            return [Deed(prompt.ask)]
        if prompt.ask == "door":
            word = Deed("confirm", {"name": prompt.door, "value": prompt.value})
            push = Deed("door", {"door": prompt.door, "value": prompt.value}, hand=True)
            return [push, word] if self.hand else [word]
        if self.hand and prompt.ask == "place":
            return [Deed("bring", {"chamber": prompt.chamber}, hand=True)]
        if self.hand and prompt.ask == "take":
            return [Deed("take", hand=True)]
        return []

    def done_by_hand(self, ask: str) -> None:
        """The simulated hand was told to place or take: it is not told twice."""
        self._answered(ask)

    # --- what is shown

    @property
    def outcome(self) -> dict[str, Any] | None:
        """How it ended: status and reason; None while it has not, as far as is known."""
        if self.live:
            return None
        ending: dict[str, Any] | None = self.ended or self.status.get("ending")
        return ending

    @property
    def subject(self) -> str:
        """The animal of its session; empty without one."""
        return str(self.status.get("subject", ""))

    @property
    def phase(self) -> str:
        """The phase of its session; empty without one."""
        return str(self.status.get("phase", ""))

    @property
    def folder(self) -> str:
        """Where its session is recorded; empty without one."""
        return str(self.status.get("folder", ""))

    @property
    def practice(self) -> bool:
        """Whether it is recorded apart, as practice."""
        return any(part.endswith("-practice") for part in self.folder.replace("\\", "/").split("/"))

    @property
    def step(self) -> int:
        """The step's place in the plan, from 0; -1 before the first."""
        return int(self.status.get("step", 0)) - 1

    @property
    def confined_to(self) -> str:
        """The chamber that the step keeps the animal in; empty: none."""
        if self.setup is None or not 0 <= self.step < len(self.setup.plan.step):
            return ""
        step = self.setup.plan.step[self.step]
        return step.chamber or "" if step.do is Do.CONFINE else ""

    def clock_s(self, now_s: float) -> tuple[float, float | None]:
        """The step's clock and how long it lasts (None: until something happens)."""
        clock_s = float(self.status.get("clock_s") or 0.0)
        duration_s = self.status.get("duration_s")
        runs = self.state is Standing.RUNNING and not self.paused
        if runs and self.status.get("stage") == "run":
            clock_s += min(max(0.0, now_s - self._status_s), 1.0)
        if duration_s is not None:
            clock_s = min(clock_s, float(duration_s))
        return max(0.0, clock_s), None if duration_s is None else float(duration_s)

    def left_s(self, now_s: float) -> float:
        """How long the session will still last, as far as its plan says."""
        if self.setup is None:
            return 0.0
        clock_s, duration_s = self.clock_s(now_s)
        later = self.setup.plan.step[self.step + 1 :]
        return max(0.0, (duration_s or clock_s) - clock_s) + sum(s.duration_s or 0 for s in later)

    def coming(self, most: int = 2) -> list[str]:
        """What comes after this step, a sentence a step."""
        if self.setup is None:
            return []
        return describe(self.setup.plan)[self.step + 1 :][:most]

    def now(self) -> str:
        """What this step is, as a sentence; empty before the first."""
        if self.setup is None or self.step < 0:
            return ""
        said = describe(self.setup.plan)
        return said[min(self.step, len(said) - 1)]

    def doors(self) -> dict[str, str]:
        """Every door that can be open or closed, and how it stands."""
        told = self.status.get("doors") or {}
        names = self.setup.doors if self.setup is not None else tuple(told)
        return {name: str(told.get(name, "unknown")) for name in names}


def next_to_answer(boxes: Sequence[LiveBox], chosen: LiveBox | None) -> LiveBox | None:
    """Whose prompt the foot switch is about: the chosen box's own, else who waits longest."""
    if chosen is not None and chosen.answer():
        return chosen
    waiting = [box for box in boxes if box.answer()]
    return min(waiting, key=lambda box: box.prompts[0].t_s, default=None)


def scanned(boxes: Sequence[LiveBox], chosen: LiveBox | None, text: str) -> LiveBox | None:
    """The box that a scanned animal arms: the chosen one's own, else the one that waits for it."""
    waiting = [box for box in boxes if box.arming and box.live]
    if chosen in waiting and chosen is not None and chosen.subject == text:
        return chosen
    return next((box for box in waiting if box.subject == text), None)
