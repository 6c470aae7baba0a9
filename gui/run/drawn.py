"""What the picture of a box says: before a session which chamber is what, in one how it stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from gui.run.alarms import Severity
from gui.run.around import Said
from gui.run.box_view import BoxView, Seen
from gui.run.grid import Key
from gui.run.live import LiveBox, Standing
from gui.run.preflight import Checked
from gui.run.words import clock_words, say_prompt, say_prompt_briefly
from gui.texts import say
from protocols.wording import named
from rig.channel import spell_source
from rig.steps import Do


@dataclass(frozen=True)
class Known:
    """What there is to draw of one box. `starting`: its session is being asked for."""

    live: LiveBox | None
    trail: Sequence[tuple[float, float]]
    checked: Checked | None
    starting: bool
    is_chosen: bool
    only: bool


def draw(view: BoxView, key: Key, known: Known, now_s: float) -> None:
    """Put words, outlines and doors of a box over its picture."""
    live, checked = known.live, known.checked
    if live is not None and live.shown:
        view.set_apparatus(live.setup.apparatus if live.setup is not None else None)
        said, seen = session(live, known.trail, now_s)
    else:
        loaded = checked.loaded if checked is not None else None
        if checked is None or loaded is None or key[1] not in loaded.boxes:
            return
        if key[0] != spell_source(checked.wanted.choice.rig):
            return
        view.set_apparatus(loaded.boxes[key[1]].apparatus)
        said, seen = card(checked, key[1], starting=known.starting, only=known.only)
    view.set_said(said, seen, is_chosen=known.is_chosen)


def session(live: LiveBox, trail: Sequence[tuple[float, float]], now_s: float) -> tuple[Said, Seen]:
    """A box with a session in it."""
    zone = str(live.status.get("zone") or "")
    brief = ""
    loud, below = "", say("view.zone", zone=zone) if zone and live.live else ""
    if not live.live:
        status = str((live.outcome or {}).get("status", ""))
        below = say(f"view.{status}") if status else ""
    elif live.state is not Standing.RUNNING:
        below = say("box.preparing" if live.state is Standing.PREPARING else "box.finishing")
    elif live.prompt is not None:
        loud, below, brief = "warn", say_prompt(live), say_prompt_briefly(live)
    worst = live.alarms.worst_first()
    if worst and worst[0].severity is Severity.ALARM:
        brief = ""
        loud, below = "bad", say(f"alarm.{worst[0].name}", **worst[0].values)
    right = clock_words(live, now_s) if live.state is Standing.RUNNING else ""
    if live.paused and live.live:
        right = say("box.paused")
    step = live.status.get("step_name", "") if live.live else named(live.phase)
    left = say("view.who", box=live.name, subject=live.subject, step=step)
    short = say("view.who_short", box=live.name, subject=live.subject)
    said = Said(left, right, below, loud, short, (live.name, live.subject), brief)
    return said, Seen(live.doors(), tuple(trail), {}, zone)


def card(checked: Checked, box: str, *, starting: bool, only: bool) -> tuple[Said, Seen]:
    """A box of the chosen rig without a session, seen from above."""
    assert checked.loaded is not None
    mine = checked.box is not None and box == checked.box.box.name
    below = say("view.card") if mine and only else say("view.free")
    if starting:
        below = say("run.starting")
    head = say("view.box", box=box, rig=checked.loaded.rig.name)
    return Said(head, "", below), Seen({}, (), chamber_notes(checked) if mine else {})


def chamber_notes(checked: Checked) -> dict[str, str]:
    """What each chamber of the chosen box is in the chosen session: a few words a line."""
    apparatus, plan = checked.apparatus, checked.wish.plan if checked.wish is not None else None
    if apparatus is None:
        return {}
    notes: dict[str, list[str]] = {chamber.name: [] for chamber in apparatus.chamber}
    for chamber in apparatus.chamber:
        if chamber.role == "neutral":
            notes[chamber.name].append(say("view.neutral"))
        elif checked.paired is not None and not checked.wanted.blinded:
            is_paired = chamber.name == checked.paired
            notes[chamber.name].append(say("view.paired" if is_paired else "view.unpaired"))
        for kind, cue in (plan.cues.get(chamber.name, {}) if plan else {}).items():
            notes[chamber.name].append(f"{kind}: {cue}")
    for step in plan.step if plan else ():
        if step.chamber in notes and step.do is Do.PLACE:
            notes[step.chamber].append(say("view.start_here"))
            break
    return {name: "\n".join(lines) for name, lines in notes.items()}
