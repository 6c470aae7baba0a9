"""What a session remembers from tick to tick; `advance` never changes what it was given."""

from dataclasses import dataclass, field
from enum import StrEnum

from rig.engine.company import ALONE, Company
from rig.engine.light import Light
from rig.interlock import Look
from rig.model import DoorState, Sample, Swept
from rig.setup import Setup
from rig.steps import Train
from rig.zones import ZoneState
from rig.zones import begin as begin_zones


class Stage(StrEnum):
    """Where in its step a session is.

    ```mermaid
    stateDiagram-v2
        [*] --> doors: the step wants doors open or closed
        [*] --> arm: place, until hands out
        [*] --> run
        doors --> arm: they are
        doors --> run: they are
        arm --> hands: armed
        hands --> [*]: hands out
        [*] --> cross: the clock waits for the first crossing
        cross --> run
        run --> [*]: time, condition, confirmed
    ```
    """

    DOORS = "doors"
    ARM = "arm"
    HANDS = "hands"
    CROSS = "cross"
    RUN = "run"


class End(StrEnum):
    """How a session ended."""

    COMPLETED = "completed"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end that was decided; the stop record is written once the clean-up is done."""

    status: End
    reason: str


@dataclass(frozen=True, slots=True)
class RuleState:
    """One rule's memory, in work time (pauses taken out)."""

    inside_ns: int | None = None
    on_ns: int | None = None
    off_ns: int | None = None
    capped: bool = False  # the last off was by max_on_s
    total_ns: int = 0
    barred: bool = False  # on again only after the animal has left and entered anew


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said of a door moved by hand, and when; the picture is being asked."""

    state: str
    t_ns: int


@dataclass
class State:
    """A session between two ticks. Treat as a value: `advance` works on a copy.

    All `_ns` are frame-clock times unless said otherwise; work time is frame-clock time less
    all pauses. Mappings are replaced, never changed in place.
    """

    zones: ZoneState
    zero_ns: int | None = None  # tick 0
    last_tick_ns: int | None = None
    # the plan
    step: int = -1
    stage: Stage = Stage.RUN
    stage_ns: int = 0  # when this stage began, work time
    step_ns: int = 0  # when this step was entered, work time
    clock_ns: int = 0  # when its clock started, work time
    limit_told: bool = False
    asked: frozenset[str] = frozenset()  # prompts already given in this step
    confirmed: bool = False
    scored: bool = False
    scoring_ns: int | None = None  # zero of the scored run going on
    paused_ns: int | None = None  # since when
    pause_unseen: bool = False  # no picture has come since the pause began
    idle_ns: int = 0  # all pauses and interruptions so far
    # placing
    armed: bool = False
    alone_ns: int | None = None  # since when one animal is alone, hands out not yet settled
    alone_zone: str = ""  # where it was then
    hands_out_ns: int | None = None  # set only in the tick in which it was decided
    placed: bool = False
    held: tuple[Sample, ...] = ()
    # doors
    doors: dict[str, str] = field(default_factory=dict)
    beams: dict[str, str] = field(default_factory=dict)
    clear_ns: dict[str, int] = field(default_factory=dict)  # since when a beam is clear
    moving: dict[str, int] = field(default_factory=dict)  # doors told to move, and when
    order_ns: int | None = None  # when this stage's doors were told to move
    tries: int = 0
    permit_ns: int = 0
    word: bool = False
    empty_ns: int | None = None  # since when the box looks empty
    link_down: frozenset[str] = frozenset()
    held_why: str = ""  # what a closing waits for, as it was said last
    held_ns: int = 0  # and when
    arrived_ns: int | None = None  # when the last door of this step came to rest, or was said to
    words: dict[str, Word] = field(default_factory=dict)
    doubted: frozenset[str] = frozenset()  # doors about which the picture contradicted the word
    # doors moved by a board, as they are seen
    rests: dict[str, tuple[int, Swept]] = field(default_factory=dict)  # when last at rest, and how
    left: dict[str, Look] = field(default_factory=dict)  # before it began to move
    arrived: dict[str, int] = field(default_factory=dict)  # when it came to its other end
    seen_moving: frozenset[str] = frozenset()  # in this box's picture
    # outputs that were switched on, since when, and that their board has not said to be on
    unconfirmed: dict[str, int] = field(default_factory=dict)
    # doors, as they are seen: since when a sweep looks the same, and how
    still: dict[str, tuple[int, Swept]] = field(default_factory=dict)
    # doors moved by hand
    looks: dict[str, Look] = field(default_factory=dict)  # in the state that was last seen
    unseen: frozenset[str] = frozenset()  # doors whose word was believed without a free sweep
    told_apart: frozenset[str] = frozenset()  # doors whose sweep once differed from the background
    # outputs
    rules: tuple[RuleState, ...] = ()
    latched: dict[str, Train | None] = field(default_factory=dict)  # by a step or the operator
    on: dict[str, Train | None] = field(default_factory=dict)
    lease_ns: dict[str, int] = field(default_factory=dict)
    light: Light = field(default_factory=Light)  # how the animal is seen with outputs on and off
    # sight
    frames: int = 0
    dropped: int = 0
    late: int = 0
    untracked: int = 0
    last_frame: int | None = None
    last_frame_ns: int | None = None
    lost_frames: int = 0
    lost_told: str = ""
    stalled_ns: int | None = None
    camera: tuple[float, ...] | None = None  # how it was moved: Move.matrix; None: not
    away: bool = False  # it shows another scene
    camera_moves: int = 0
    found: bool = False  # and, once it is in, no second animal beside it
    company: Company = ALONE
    company_ns: int = 0  # for how long a second one was there, in all
    zone: str = ""
    in_zones: tuple[bool, ...] = ()
    wrong: bool = False
    escaped: bool = False
    # conditions of this step
    cond_ns: int | None = None
    cond_total_ns: int = 0
    cond_entries: int = 0
    # the end
    checkpoint_ns: int = 0
    ending: Ending | None = None
    stopped: bool = False

    def copy(self) -> "State":
        """A state that can be worked on; a tenth of the time that `copy.copy` takes."""
        new = State.__new__(State)
        new.__dict__.update(self.__dict__)
        return new

    def door(self, name: str) -> str:
        """A door's state; unknown until something was reported."""
        return self.doors.get(name, DoorState.UNKNOWN)

    def work_ns(self, t_ns: int) -> int:
        """Frame-clock time less the pauses so far; stands still in a pause."""
        return (t_ns if self.paused_ns is None else self.paused_ns) - self.idle_ns


def begin(setup: Setup) -> State:
    """The state before tick 0."""
    return State(zones=begin_zones(setup.layout))
