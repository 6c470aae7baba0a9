"""What was looked at before a session, as the card says it: a line for each thing to be done."""

from collections.abc import Sequence
from dataclasses import dataclass

from gui.run.choose import ROLE, SIGN
from gui.run.preflight import Level as Stands
from gui.run.preflight import spelled
from gui.texts import say
from rig.session.preflight import Finding, Level

ORDER = (Level.FAIL, Level.WARN)


@dataclass(frozen=True)
class Looked:
    """`text`: the lines, "" for none; `role`: of the worst of them."""

    text: str = ""
    role: str = ""


NOTHING = Looked()


def looked(findings: Sequence[Finding]) -> Looked:
    """What stands against a start first, then warnings; what is in order has one line for all."""
    lines = [spelled(one) for level in ORDER for one in findings if one.level is level]
    told = [f"{SIGN[line.level]}  {line.text}" for line in lines]
    if good := [one.what for one in findings if one.level is Level.PASS]:
        told.append(f"{SIGN[Stands.GOOD]}  {say('today.in_order', what=', '.join(good))}")
    role = ROLE[lines[0].level if lines else Stands.GOOD] if told else ""
    return Looked("\n".join(told), role)


def not_looked(why: str) -> Looked:
    """It could not be looked at, or doors and lights not be worked."""
    said = say("today.not_looked_further", why=why)
    return Looked(f"{SIGN[Stands.WARN]}  {said}", ROLE[Stands.WARN])
