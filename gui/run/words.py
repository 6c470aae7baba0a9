"""Words for a box's prompt and clock, and long words that may be broken. Plain."""

import re

from gui.happened import spell_clock
from gui.run.live import LiveBox
from gui.texts import say


def breakable(text: str) -> str:
    """Words that are too long for a line may be broken: in folders, and in names as a last way."""
    text = re.sub(r"([/\\_])", "\\1\u200b", text)
    return re.sub(r"(\w{18})(?=\w)", "\\1\u200b", text)


def say_prompt(live: LiveBox) -> str:
    """What the session waits for, in words; empty when it waits for nobody."""
    prompt = live.prompt
    if prompt is None:
        return ""
    if prompt.ask == "door":
        return say("box.prompt_door", verb=say(f"verb.{prompt.value}"), door=prompt.door)
    if prompt.ask == "place":
        return say("box.prompt_place", chamber=prompt.chamber or say("box.anywhere"))
    if prompt.ask in ("empty", "arm"):
        return say(f"box.prompt_{prompt.ask}", subject=live.subject)
    return prompt.text[:1].upper() + prompt.text[1:]


def say_prompt_briefly(live: LiveBox) -> str:
    """What is to be done, for a small picture; empty where its own words are needed."""
    prompt = live.prompt
    if prompt is None:
        return ""
    if prompt.ask == "door":
        return say("view.do_door", verb=say(f"verb.{prompt.value}"), door=prompt.door)
    if prompt.ask == "place":
        return say("view.do_place", chamber=prompt.chamber or say("box.anywhere"))
    return say(f"view.do_{prompt.ask}") if prompt.ask in ("empty", "arm") else ""


def clock_words(live: LiveBox, now_s: float) -> str:
    """The step's clock: "1:02 of 30:00"."""
    clock_s, duration_s = live.clock_s(now_s)
    if live.status.get("stage") not in (None, "run"):
        return say("box.waits")
    if duration_s is None:
        return spell_clock(clock_s)
    return say("box.clock", now=spell_clock(clock_s), all=spell_clock(duration_s))
