"""The report as one HTML page that needs nothing else: styles and figures are in it."""

import base64
import re
from collections.abc import Sequence
from html import escape
from io import BytesIO

from protocols.figures import style
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

DENSE_DPI = 200
ON_SCREEN = 8.4
"""So many times the letters' size is an inch of a figure wide on a screen."""

CSS = """
:root { color-scheme: light; --ink: #1b1f24; --muted: #5b6470; --line: #d9dee4; --soft: #f5f7f9;
  --accent: #0072b2; --warn: #8a4b00; --warn-soft: #fff4e2; --grave: #a3261a; --grave-soft: #fdecea; }
* { box-sizing: border-box; }
html { font-size: 16px; -webkit-text-size-adjust: 100%; }
body { margin: 0; color: var(--ink); background: #fff; line-height: 1.55;
  font-family: "Source Sans 3", "Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans",
  sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
main, header, nav { max-width: 58rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
.under { font-size: 1.1rem; color: var(--muted); margin: 0 0 .3rem; }
.made { color: var(--muted); font-size: .85rem; margin: 0 0 1rem; }
nav { font-size: .9rem; border-block: 1px solid var(--line); padding-block: .55rem;
  max-width: 55.5rem; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
h2 { font-size: 1.4rem; margin: 2.6rem 0 .7rem; padding-bottom: .25rem;
  border-bottom: 2px solid var(--ink); break-after: avoid; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; break-after: avoid; }
p { margin: .5rem 0 .8rem; max-width: 46rem; } .quiet { color: var(--muted); font-size: .92rem; }
.notice { border-left: 4px solid #d98200; background: var(--warn-soft); padding: .6rem .9rem;
  margin: .8rem 0; max-width: none; break-inside: avoid; }
.notice.grave { border-color: var(--grave); background: var(--grave-soft); }
dl.facts { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .3rem 1.2rem;
  margin: .6rem 0 1rem; } dl.facts dt { color: var(--muted); } dl.facts dd { margin: 0; min-width: 0; }
.results { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem;
  margin: 1rem 0 1.2rem; }
.result { border: 1px solid var(--line); border-top: 4px solid var(--accent); border-radius: 4px;
  padding: .8rem 1rem; break-inside: avoid; }
.result .label { color: var(--muted); font-size: .9rem; }
.result .value { font-size: 1.75rem; font-weight: 600; line-height: 1.25; margin: .1rem 0 .2rem; }
.result .detail { font-size: .9rem; }
.scroll { overflow-x: auto; margin: .6rem 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
caption { text-align: left; color: var(--muted); padding: 0 0 .35rem; font-size: .9rem; }
th { text-align: left; font-weight: 600; border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
th, td { padding: .28rem .7rem .28rem 0; } td { border-bottom: 1px solid var(--line);
  vertical-align: top; } th.n, td.n { text-align: right; white-space: nowrap; }
tr { break-inside: avoid; } thead { display: table-header-group; }
figure { margin: 1rem 0 1.4rem; break-inside: avoid; }
figure svg, figure img { display: block; max-width: 100%; height: auto; }
figcaption { color: var(--muted); font-size: .9rem; margin-top: .45rem; max-width: 46rem; }
.flow { margin: 1rem 0 1.4rem; max-width: 46rem; }
.stage { display: grid; grid-template-columns: minmax(11rem, 17rem) 1fr; gap: 0 1.4rem;
  align-items: center; break-inside: avoid; }
.box { border: 1.5px solid var(--ink); border-radius: 4px; padding: .5rem .8rem; text-align: center;
  background: #fff; } .box b { display: block; font-size: 1.3rem; line-height: 1.2; }
.left { border: 1px solid var(--line); background: var(--soft); border-radius: 4px;
  padding: .45rem .8rem; font-size: .88rem; position: relative; }
.left::before { content: ""; position: absolute; left: -1.4rem; top: 50%; width: 1.4rem;
  border-top: 1.5px solid var(--muted); }
.left ul { margin: .1rem 0 0; padding-left: 1.1rem; }


.down { display: grid; grid-template-columns: minmax(11rem, 17rem) 1fr; gap: 0 1.4rem; }
.down i { justify-self: center; width: 0; height: 1.2rem; border-left: 1.5px solid var(--ink);
  position: relative; } .down i::after { content: ""; position: absolute; left: -5px; bottom: -1px;
  border: 4px solid transparent; border-top: 6px solid var(--ink); border-bottom: 0; }
.split { display: flex; flex-wrap: wrap; gap: .8rem; margin-top: 0; }
.split .box { min-width: 8.5rem; border-color: var(--accent); }
ol.check { list-style: none; padding: 0; margin: .6rem 0; }
ol.check li { display: grid; grid-template-columns: 2.6rem 1fr; border-bottom: 1px solid var(--line);
  padding: .5rem 0; break-inside: avoid; }
ol.check .q { font-weight: 600; } ol.check .open { color: var(--grave); }
ol.check .num { color: var(--muted); }
code { font-family: "Liberation Mono", Consolas, Menlo, monospace; font-size: .85em;
  overflow-wrap: anywhere; }
footer { max-width: 58rem; margin: 3rem auto 2rem; padding: 0 1.25rem; color: var(--muted);
  font-size: .85rem; }
@media (max-width: 40rem) {
  h1 { font-size: 1.55rem; } header { padding-top: 1.4rem; }
  dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: .5rem; }
  .stage, .down { grid-template-columns: 1fr; } .left { margin-top: .5rem; margin-left: 1.2rem; }
  .left::before { left: -1.2rem; width: 1.2rem; } }
@media print {
  @page { size: A4; margin: 18mm 16mm; }
  html { font-size: 10.5pt; } nav { display: none; } header { padding-top: 0; }
  main, header, footer { max-width: none; padding: 0; } a { color: inherit; }
  .scroll { overflow: visible; } h2 { margin-top: 1.6rem; } footer { margin: 1.5rem 0 0; }
  .results { grid-template-columns: repeat(2, 1fr); }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


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
<style>{CSS}</style>
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
        right = ' class="n"'
        return "".join(
            f"<{tag}{scope}{right if k in block.numbers else ''}>{escape(text)}</{tag}>"
            for k, text in enumerate(row)
        )

    caption = f"<caption>{escape(block.caption)}</caption>" if block.caption else ""
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


def drawn(block: Picture, ending: str) -> bytes:
    """The figure's bytes in a format, the same at every run."""
    data = BytesIO()
    dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending)
    with style.styled():
        block.figure.savefig(data, format=ending, dpi=DENSE_DPI, metadata=dated)
    return data.getvalue()


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
