"""Colours and sizes of all windows: a light room, a dark room, a test room with an animal in it.

The hues that mean something are Okabe and Ito's, which people with any colour vision tell apart;
each always comes with a word or a sign. In the test room there is only red on black: a mouse
hardly sees it, and a person's eyes stay used to the dark.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

SIGNS = Path(__file__).parent / "signs"


class Theme(StrEnum):
    """What the room is like."""

    LIGHT = "light"
    DARK = "dark"
    RED = "red"  # the test room


@dataclass(frozen=True)
class Colours:
    """One theme's colours, as #rrggbb."""

    window: str  # behind everything
    panel: str  # cards and fields
    raised: str  # buttons
    line: str  # borders
    text: str
    muted: str  # text of less weight
    accent: str  # what is chosen, what can be pressed
    on_accent: str  # text on it
    good: str
    warn: str
    bad: str
    picture: str  # behind a camera's picture
    chambers: tuple[str, ...]  # by the chamber's place in the apparatus


_OKABE_ITO = ("#56b4e9", "#e69f00", "#cc79a7", "#009e73", "#f0e442", "#d55e00")

COLOURS = {
    Theme.LIGHT: Colours(
        window="#f3f4f6",
        panel="#ffffff",
        raised="#e6e8ec",
        line="#c3c8d0",
        text="#15181d",
        muted="#555d69",
        accent="#0067a8",
        on_accent="#ffffff",
        good="#00724f",
        warn="#8a5a00",
        bad="#b53d00",
        picture="#20242a",
        chambers=("#0072b2", "#b97f00", "#a94f80", "#00835f", "#8d8400", "#b84f00"),
    ),
    Theme.DARK: Colours(
        window="#14171b",
        panel="#1d2127",
        raised="#2a2f37",
        line="#3d444f",
        text="#e8eaed",
        muted="#a0a8b4",
        accent="#56b4e9",
        on_accent="#0b1116",
        good="#2fc08f",
        warn="#f0b429",
        bad="#ff7a3d",
        picture="#0c0e10",
        chambers=_OKABE_ITO,
    ),
    Theme.RED: Colours(
        window="#000000",
        panel="#050000",
        raised="#160202",
        line="#5c0e0e",
        text="#ff4848",
        muted="#ea2424",
        accent="#ff4848",
        on_accent="#000000",
        good="#f03030",
        warn="#ff3c3c",
        bad="#ff4040",
        picture="#000000",
        chambers=("#ff4848", "#d42020", "#ff3030", "#e02828", "#cc2020", "#ff4040"),
    ),
}


def sheet(theme: Theme) -> str:
    """The style sheet of all windows in this theme."""
    c = COLOURS[theme]
    return f"""
    QWidget {{ background: {c.window}; color: {c.text}; font-size: 11pt; }}
    QLabel, QCheckBox, QRadioButton {{ background: transparent; }}
    QFrame#card, QGroupBox {{ background: {c.panel}; border: 1px solid {c.line};
        border-radius: 6px; }}
    QFrame#card QWidget {{ background: transparent; }}
    QGroupBox {{ margin-top: 1.1em; padding: 8px; font-weight: 600; }}
    QGroupBox::title {{ subcontrol-origin: margin; left: 8px; color: {c.muted};
        background: transparent; }}
    QLabel[role="title"] {{ font-size: 17pt; font-weight: 600; }}
    QLabel[role="big"] {{ font-size: 22pt; font-weight: 600; }}
    QLabel[role="muted"] {{ color: {c.muted}; }}
    QLabel[role="good"] {{ color: {c.good}; font-weight: 600; }}
    QLabel[role="warn"] {{ color: {c.warn}; font-weight: 600; }}
    QLabel[role="bad"] {{ color: {c.bad}; font-weight: 600; }}
    QPushButton, QToolButton {{ background: {c.raised}; border: 1px solid {c.line};
        border-radius: 5px; padding: 7px 14px; min-height: 1.3em; }}
    QFrame#card QPushButton, QFrame#card QToolButton {{ background: {c.raised}; }}
    QPushButton:hover, QToolButton:hover {{ border-color: {c.accent}; }}
    QPushButton:focus, QToolButton:focus {{ border: 2px solid {c.accent}; padding: 6px 13px; }}
    QPushButton:checked, QToolButton:checked, QPushButton[role="main"],
    QFrame#card QPushButton[role="main"] {{ background: {c.accent}; color: {c.on_accent};
        border-color: {c.accent}; font-weight: 600; }}
    QPushButton[role="danger"], QFrame#card QPushButton[role="danger"] {{
        border: 2px solid {c.bad}; color: {c.bad}; font-weight: 600; padding: 6px 13px; }}
    QPushButton:disabled, QToolButton:disabled, QFrame#card QPushButton:disabled {{
        color: {c.muted}; background: transparent; border-color: {c.line};
        font-weight: 400; }}
    QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox, QPlainTextEdit, QTextEdit, QTableView,
    QListView, QTreeView {{ background: {c.panel}; border: 1px solid {c.line};
        border-radius: 4px; padding: 4px; selection-background-color: {c.accent};
        selection-color: {c.on_accent}; }}
    QFrame#card QLineEdit, QFrame#card QComboBox, QFrame#card QSpinBox,
    QFrame#card QDoubleSpinBox, QFrame#card QTableView, QFrame#card QListView {{
        background: {c.window}; }}
    QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus,
    QPlainTextEdit:focus, QTableView:focus, QListView:focus {{ border: 2px solid {c.accent}; }}
    QLineEdit, QPlainTextEdit {{ placeholder-text-color: {c.muted}; }}
    QComboBox::drop-down {{ border: 0; width: 24px; }}
    QComboBox::down-arrow {{ image: {_sign("arrow", theme)}; width: 12px; height: 12px; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ subcontrol-origin: border;
        width: 22px; border: 0; border-left: 1px solid {c.line}; background: {c.raised}; }}
    QAbstractSpinBox::up-button {{ subcontrol-position: top right; margin: 2px 2px 0 0; }}
    QAbstractSpinBox::down-button {{ subcontrol-position: bottom right;
        margin: 0 2px 2px 0; }}
    QAbstractSpinBox::up-arrow {{ image: {_sign("up", theme)}; width: 10px; height: 10px; }}
    QAbstractSpinBox::down-arrow {{ image: {_sign("arrow", theme)}; width: 10px; height: 10px; }}
    QComboBox QAbstractItemView {{ background: {c.panel}; color: {c.text};
        selection-background-color: {c.accent}; selection-color: {c.on_accent}; }}
    QHeaderView::section {{ background: {c.raised}; color: {c.text}; border: 0;
        border-right: 1px solid {c.line}; padding: 5px; font-weight: 600; }}
    QTableView {{ gridline-color: {c.line}; }}
    QProgressBar {{ background: {c.panel}; border: 1px solid {c.line}; border-radius: 4px;
        text-align: center; }}
    QProgressBar::chunk {{ background: {c.accent}; }}
    QSlider::groove:horizontal {{ height: 6px; background: {c.line}; border-radius: 3px; }}
    QSlider::handle:horizontal {{ background: {c.accent}; width: 18px; margin: -7px 0;
        border-radius: 9px; }}
    QScrollArea {{ border: 0; }}
    QTabBar::tab {{ background: {c.raised}; color: {c.text}; padding: 8px 14px;
        border: 1px solid {c.line}; border-bottom: 0; }}
    QTabBar::tab:selected {{ background: {c.panel}; color: {c.accent}; font-weight: 600; }}
    QTabWidget::pane {{ border: 1px solid {c.line}; }}
    QToolTip {{ background: {c.panel}; color: {c.text}; border: 1px solid {c.line}; }}
    QFrame#rail {{ background: {c.panel}; border-right: 1px solid {c.line}; }}
    QFrame#rail QToolButton {{ border: 0; border-radius: 0; padding: 10px 4px; min-width: 5.6em;
        background: transparent; }}
    QFrame#rail QToolButton:focus {{ border: 2px solid {c.accent}; padding: 8px 2px; }}
    QFrame#rail QToolButton:checked {{ background: {c.raised}; color: {c.accent};
        border-left: 4px solid {c.accent}; }}
    QFrame#alarm {{ background: {c.bad}; }}
    QFrame#alarm QLabel {{ color: {c.on_accent if theme is not Theme.LIGHT else "#ffffff"};
        font-size: 15pt; font-weight: 700; background: transparent; }}
    QScrollBar {{ background: {c.window}; border: 0; margin: 0; }}
    QScrollBar:vertical {{ width: 12px; }}
    QScrollBar:horizontal {{ height: 12px; }}
    QScrollBar::handle {{ background: {c.line}; border-radius: 5px; min-height: 28px;
        min-width: 28px; margin: 1px; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QFrame#alarm QPushButton {{ background: {c.panel}; color: {c.text}; }}
    QFrame#edge {{ border: 6px solid {c.window}; }}
    QFrame#edge[role="loud"] {{ border: 6px solid {c.bad}; }}
    QFrame#notice {{ background: {c.panel}; border: 2px solid {c.warn}; border-radius: 6px; }}
    QPushButton[role="small"] {{ padding: 5px 6px; }}
    QPushButton[role="small"]:focus {{ padding: 4px 5px; }}
    QCheckBox::indicator, QRadioButton::indicator {{ width: 14px; height: 14px;
        border: 2px solid {c.muted}; border-radius: 3px; background: {c.panel}; }}
    QRadioButton::indicator {{ border-radius: 9px; }}
    QCheckBox::indicator:checked {{ border-color: {c.accent}; background: {c.accent};
        image: {_sign("tick", theme)}; }}
    QRadioButton::indicator:checked {{ border-color: {c.accent};
        background: qradialgradient(cx: 0.5, cy: 0.5, radius: 0.5, fx: 0.5, fy: 0.5,
        stop: 0 {c.accent}, stop: 0.5 {c.accent}, stop: 0.6 {c.panel}, stop: 1 {c.panel}); }}
    QCheckBox::indicator:disabled, QRadioButton::indicator:disabled {{
        border-color: {c.line}; }}
    QCheckBox:focus, QRadioButton:focus, QTabBar:focus {{ color: {c.accent}; }}
    QCheckBox:disabled, QRadioButton:disabled {{ color: {c.muted}; }}
    """


def _sign(name: str, theme: Theme) -> str:
    """A small picture in this theme's colour, as a style sheet names it."""
    return f'url("{(SIGNS / f"{name}-{theme}.svg").as_posix()}")'
