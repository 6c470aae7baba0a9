"""The report as one HTML page that needs nothing else: styles and figures are in it."""

import base64
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from protocols.report.blocks import (
    Below,
    Block,
    Checklist,
    Facts,
    Flow,
    Grid,
    Notice,
    Part,
    Picture,
    Report,
    Results,
    Words,
)
from protocols.report.pictures import drawn
from protocols.report.saying import DATE

ON_SCREEN = 8.4
"""So many times the letters' size is an inch of a figure wide on a screen."""

CSS = "page.css"
SENTENCE = 40
"""Characters of a cell from which on it is read as a sentence, and gets a width for one."""


def page(report: Report) -> str:
    """The whole page."""
    parts = [block for block in report.blocks if isinstance(block, Part)]
    links = "".join(f'<li><a href="#{p.id}">{escape(p.title)}</a></li>' for p in parts)
    body = "\n".join(_block(block) for block in report.blocks)
    title = escape(report.title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_css()}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p class="under">{escape(report.under)}</p>
<p class="made">{escape(report.made)}</p>
</header>
<nav aria-label="Parts"><ul>{links}</ul></nav>
<main>
{body}
</main>
<footer>Made by placepref from the study's own files; it can be made again at any time.</footer>
</body>
</html>
"""


def _css() -> str:
    return Path(__file__).with_name(CSS).read_text(encoding="utf-8")


def _block(block: Block) -> str:
    match block:
        case Part(title, id):
            return f'<h2 id="{id}">{escape(title)}</h2>'
        case Below(title):
            return f"<h3>{escape(title)}</h3>"
        case Words(text, quiet):
            return f'<p class="quiet">{escape(text)}</p>' if quiet else f"<p>{escape(text)}</p>"
        case Notice(text, grave):
            return f'<p class="notice{" grave" * grave}" role="note">{escape(text)}</p>'
        case Facts(rows):
            told = "".join(f"<dt>{escape(k)}</dt><dd>{_fact(v)}</dd>" for k, v in rows)
            return f'<dl class="facts">{told}</dl>'
        case Results(ones):
            told = "".join(
                f'<div class="result"><div class="label">{escape(one.label)}</div>'
                f'<div class="value">{escape(one.value)}</div>'
                f'<div class="detail">{escape(one.detail)}</div></div>'
                for one in ones
            )
            return f'<div class="results">{told}</div>'
        case Grid():
            return _grid(block)
        case Picture():
            return _picture(block)
        case Flow():
            return _flow(block)
        case Checklist(items):
            told = "".join(
                f'<li><span class="num">{escape(one.number)}</span><div>'
                f'<div class="q">{escape(one.question)}</div>'
                + (f"<div>{escape(one.answer)}</div>" if one.answer
                   else '<div class="open">to be told by the authors</div>')
                + "</div></li>"
                for one in items
            )  # fmt: skip
            return f'<ol class="check">{told}</ol>'


def _fact(text: str) -> str:
    whole = re.fullmatch(r"[0-9a-f]{40,64}", text)
    return f"<code>{text}</code>" if whole else escape(text)


def _grid(block: Grid) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        scope = ' scope="col"' if tag == "th" else ""
        return "".join(
            f"<{tag}{scope}{kind(k, text)}>{escape(text)}</{tag}>" for k, text in enumerate(row)
        )

    def kind(column: int, text: str) -> str:
        if column in block.numbers:
            return ' class="n"'
        if DATE.fullmatch(text):  # a date is one word
            return ' class="w"'
        return ' class="s"' if len(text) > SENTENCE else ""

    caption = f"<caption><span>{escape(block.caption)}</span></caption>" if block.caption else ""
    rows = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in block.rows)
    head = f"<thead><tr>{cells(block.head, 'th')}</tr></thead>"
    return f'<div class="scroll"><table>{caption}{head}<tbody>{rows}</tbody></table></div>'


def _picture(block: Picture) -> str:
    label = escape(block.caption, quote=True)
    if block.dense:
        data = base64.b64encode(drawn(block, "png")).decode()
        width = round(block.figure.get_figwidth() * ON_SCREEN * 16)
        image = f'<img alt="{label}" width="{width}" src="data:image/png;base64,{data}">'
    else:
        text = drawn(block, "svg").decode()
        text = text[text.index("<svg") :]
        # Names within one page are one another's: each figure's own are told apart.
        own = block.name.replace(" ", "-")
        text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{own}-", text)
        # Larger than on paper: letters of 7 pt are small on a screen.
        wide = f'style="width: {block.figure.get_figwidth() * ON_SCREEN:.2f}rem"'
        image = text.replace("<svg ", f'<svg role="img" aria-label="{label}" {wide} ', 1)
    return f"<figure>{image}<figcaption>{escape(block.caption)}</figcaption></figure>"


def _flow(block: Flow) -> str:
    out = []
    for k, step in enumerate(block.steps):
        if k:
            out.append('<div class="down"><i></i></div>')
        left = ""
        if step.left:
            told = "".join(f"<li>{escape(one)}</li>" for one in step.left)
            left = f'<div class="left">left out after this<ul>{told}</ul></div>'
        box = f'<div class="box"><b>{step.count}</b>{escape(step.title)}</div>'
        out.append(f'<div class="stage">{box}{left}</div>')
        if step.split:
            groups = "".join(
                f'<div class="box"><b>{n}</b>{escape(name)}</div>' for name, n in step.split
            )
            out.append(f'<div class="down"><i></i></div><div class="split">{groups}</div>')
    return f'<div class="flow">{"".join(out)}</div>'
