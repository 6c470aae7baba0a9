"""A report's figures as bytes, the same for the page and for the PDF."""

from io import BytesIO

from protocols.figures import style
from protocols.report.blocks import Picture

DENSE_DPI = 200


def drawn(block: Picture, ending: str) -> bytes:
    """The figure's bytes in a format, the same at every run."""
    data = BytesIO()
    dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending)
    with style.styled():
        block.figure.savefig(data, format=ending, dpi=DENSE_DPI, metadata=dated)
    return data.getvalue()
