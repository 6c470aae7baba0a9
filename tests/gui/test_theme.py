from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtGui import QColor, QImage
from PyQt6.QtWidgets import QCheckBox, QComboBox, QSpinBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui.run.box_view import BoxView
from gui.setup.canvas import Canvas
from gui.theme import COLOURS, SIGNS, Theme, sheet
from gui.watch import Preview
from rig.apparatus import parse
from tests.small import ARENA


def light_of(colour: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2)."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((light_of(one), light_of(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("ground", ["window", "panel", "raised"])
@pytest.mark.parametrize("ink", ["text", "muted", "good", "warn", "bad", "accent"])
@pytest.mark.parametrize("theme", list(Theme))
def test_words_can_be_read(theme: Theme, ink: str, ground: str) -> None:
    colours = COLOURS[theme]
    assert contrast(getattr(colours, ink), getattr(colours, ground)) >= 4.5


@pytest.mark.parametrize("theme", list(Theme))
def test_words_on_colour_can_be_read(theme: Theme) -> None:
    colours = COLOURS[theme]
    assert contrast(colours.on_accent, colours.accent) >= 4.5
    assert contrast("#ffffff" if theme is Theme.LIGHT else colours.on_accent, colours.bad) >= 4.5


@pytest.mark.parametrize("theme", list(Theme))
def test_outlines_of_chambers_can_be_seen(theme: Theme) -> None:
    colours = COLOURS[theme]
    for chamber in colours.chambers:
        assert contrast(chamber, colours.picture) >= 3
        assert contrast(chamber, colours.window) >= 2.9  # the box from above, without a picture


@pytest.mark.parametrize("theme", list(Theme))
def test_every_sign_is_there(theme: Theme) -> None:
    named = [part.split('"')[0] for part in sheet(theme).split('url("')[1:]]
    assert len(named) == 4
    assert len(set(named)) == 3
    for path in named:
        assert Path(path).is_file()
        assert Path(path).parent == SIGNS


@pytest.mark.parametrize("theme", list(Theme))
def test_ticks_and_arrows_are_seen_and_a_list_has_no_foreign_frame(
    qtbot: QtBot, theme: Theme
) -> None:
    colours, whole = COLOURS[theme], QWidget()
    qtbot.addWidget(whole)
    tick, combo, number = QCheckBox(""), QComboBox(), QSpinBox()
    combo.addItem("")
    layout = QVBoxLayout(whole)
    for one in (tick, combo, number):
        layout.addWidget(one)
    whole.setStyleSheet(sheet(theme))
    tick.setChecked(True)
    whole.resize(200, 120)
    whole.show()
    assert counted(tick.grab().toImage(), colours.on_accent) > 5  # the sign within the square
    image = combo.grab().toImage()
    edge = image.copy(image.width() - 8, 3, 5, image.height() - 6)
    grounds = counted(edge, colours.panel) + counted(edge, colours.line)
    assert grounds > 0.95 * edge.width() * edge.height()
    inside = image.copy(4, 4, image.width() - 8, image.height() - 8)
    assert counted(inside, colours.text) > 5  # the arrow
    image = number.grab().toImage()
    high = image.height() // 2
    for top in (2, high):  # up and down
        assert counted(image.copy(image.width() - 22, top, 20, high - 2), colours.text) > 5


def counted(image: QImage, colour: str) -> int:
    """Pixels of about this colour."""
    wanted = QColor(colour)

    def near(x: int, y: int) -> bool:
        seen = image.pixelColor(x, y)
        pairs = zip(seen.getRgb()[:3], wanted.getRgb()[:3], strict=True)
        return max(abs(a - b) for a, b in pairs if a is not None and b is not None) < 60

    return sum(near(x, y) for x in range(image.width()) for y in range(image.height()))


def pale(image: QImage) -> int:
    """Pixels that are neither black nor red: a mouse would see them, or a person sees them grey."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    bits = image.constBits()
    assert bits is not None
    bits.setsize(image.sizeInBytes())
    pixels = np.frombuffer(bits, np.uint8).reshape(-1, 4).astype(int)
    red, others = pixels[:, 2], pixels[:, :2].max(axis=1)
    return int(np.count_nonzero(others > np.where(red > 128, 0.3 * red, 0.15 * red) + 6))


@pytest.mark.parametrize("pictured", [False, True])
def test_beside_an_animal_a_box_is_black_and_red(qtbot: QtBot, pictured: bool) -> None:
    view = BoxView()
    qtbot.addWidget(view)
    view.resize(480, 360)
    view.use_theme(Theme.LIGHT)
    view.set_apparatus(parse(ARENA, "arena.toml"))
    if pictured:
        grey = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))
        view.set_preview(Preview("A", grey, {"step": 1, "width": 160, "height": 120, "frame": 1}))
    assert pale(view.grab().toImage()) > 10_000
    view.use_theme(Theme.RED)
    assert pale(view.grab().toImage()) < 800  # the rims of letters


def test_beside_an_animal_a_rig_is_drawn_on_dark_red(qtbot: QtBot) -> None:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(320, 240)
    canvas.show_picture(np.full((120, 160), 200, np.uint8), (160, 120))
    canvas.use_theme(Theme.RED)
    assert pale(canvas.grab().toImage()) == 0
