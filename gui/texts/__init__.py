"""Every word that a window shows, from one place: a file a language, a table a page."""

import tomllib
from functools import cache
from importlib.resources import files

LANGUAGE = "en"


def say(key: str, /, **values: object) -> str:
    """The text of `key`, written "page.name", with `values` put in. Raises KeyError for no such."""
    page, name = key.split(".", 1)
    return _texts(LANGUAGE)[page][name].format(**values)


@cache
def _texts(language: str) -> dict[str, dict[str, str]]:
    text = files("gui.texts").joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
