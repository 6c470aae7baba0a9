"""Blocks of the report in the window: paragraphs and tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from gui.names import spoken
from gui.page import label
from gui.results.table import ROW_PX, ReadTable
from gui.texts import say

if TYPE_CHECKING:
    from protocols.report.blocks import Block

MOST_ROWS = 12
"""A longer table scrolls by itself."""


class BlocksView(QScrollArea):
    """Titles with what stands under them, one below the other."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setAccessibleName(say("results.tab_conduct"))

    def show_parts(self, parts: Sequence[tuple[str, Sequence["Block"]]]) -> None:
        """Show these; titles are keys of texts."""
        inside = QWidget()
        layout = QVBoxLayout(inside)
        for key, blocks in parts:
            layout.addWidget(label(say(f"results.part_{key}"), "title"))
            for block in blocks:
                self._put(layout, block)
        layout.addStretch(1)
        self.setWidget(inside)

    def _put(self, layout: QVBoxLayout, block: "Block") -> None:
        from protocols.report.blocks import Grid, Notice, Words  # with it comes all of the report

        if isinstance(block, Words):
            layout.addWidget(label(spoken(block.text), "muted" if block.quiet else "", wrap=True))
        elif isinstance(block, Notice):
            layout.addWidget(label(spoken(block.text), "bad" if block.grave else "warn", wrap=True))
        elif isinstance(block, Grid):
            if block.caption:
                layout.addWidget(label(block.caption, "muted", wrap=True))
            table = ReadTable(block.caption or say("results.tab_conduct"))
            rows = [[spoken(str(cell)) for cell in row] for row in block.rows]
            table.fill(list(block.head), rows, block.numbers)
            table.setFixedHeight(min(len(block.rows), MOST_ROWS) * ROW_PX + 44)
            layout.addWidget(table)
