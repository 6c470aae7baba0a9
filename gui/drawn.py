"""What the picture of a box says: before a session which chamber is what, in one how it stands."""

from collections.abc import Sequence

from gui.alarms import Severity
from gui.box_panel import clock_words, say_prompt
from gui.box_view import Said, Seen
from gui.live import LiveBox, Standing
from gui.preflight import Checked
from gui.texts import say
from rig.steps import Do


def session(live: LiveBox, trail: Sequence[tuple[float, float]], now_s: float) -> tuple[Said, Seen]:
    """A box with a session in it."""
    zone = str(live.status.get("zone") or "")
    loud, below = "", say("view.zone", zone=zone) if zone and live.live else ""
    if not live.live:
        status = str((live.ended or {}).get("status", ""))
        below = say(f"view.{status}") if status else ""
    elif live.state is not Standing.RUNNING:
        below = say("box.preparing" if live.state is Standing.PREPARING else "box.finishing")
    elif live.prompt is not None:
        loud, below = "warn", say_prompt(live)
    worst = live.alarms.worst_first()
    if worst and worst[0].severity is Severity.ALARM:
        loud, below = "bad", say(f"alarm.{worst[0].name}", **worst[0].values)
    right = clock_words(live, now_s) if live.state is Standing.RUNNING else ""
    if live.paused and live.live:
        right = say("box.paused")
    step = live.status.get("step_name", "") if live.live else live.phase
    left = say("view.who", box=live.name, subject=live.subject, step=step)
    return Said(left, right, below, loud), Seen(live.doors(), tuple(trail), {}, zone)


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
