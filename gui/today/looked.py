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
    """`text`: what is to be done, "" for nothing; `role`: of the worst of it; `fine`: the rest."""

    text: str = ""
    role: str = ""
    fine: str = ""


NOTHING = Looked()


def looked(findings: Sequence[Finding]) -> Looked:
    """What stands against a start first, then warnings; what is in order has one line for all."""
    lines = [spelled(one) for level in ORDER for one in findings if one.level is level]
    text = "\n".join(f"{SIGN[line.level]}  {line.text}" for line in lines)
    good = ", ".join(one.what for one in findings if one.level is Level.PASS)
    fine = f"{SIGN[Stands.GOOD]}  {say('today.in_order', what=good)}" if good else ""
    return Looked(text, ROLE[lines[0].level] if lines else "", fine)


def not_looked(why: str) -> Looked:
    """It could not be looked at, or doors and lights not be worked."""
    said = say("today.not_looked_further", why=why)
    return Looked(f"{SIGN[Stands.WARN]}  {said}", ROLE[Stands.WARN])
