"""Names of phases in the window's sentences, as people say them; a lab's own are learnt."""

from collections.abc import Iterable

from protocols.wording import names_in_words

_own: frozenset[str] = frozenset()


def learn(phases: Iterable[str]) -> None:
    """A study or a protocol with these phases is shown from now on."""
    global _own
    _own |= frozenset(phases)


def spoken(text: str) -> str:
    """A sentence of the study's verbs for the window: "M04 habituation 2: place by 20:49"."""
    return names_in_words(text, _own)
