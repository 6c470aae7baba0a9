"""A rig set up from nothing in the window, and read by the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gui.remembered import Remembered
from gui.setup import SetupPage
from gui.watch import Stations
from rig.session.load import load_rig


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[SetupPage]:
    stations = Stations()
    made = SetupPage(stations, Remembered())
    qtbot.addWidget(made)
    made.resize(1160, 760)
    made.show()
    made.enter()
    yield made
    made.leave()
    made.close_down()
    stations.close()
    made.hide()


def click(qtbot: QtBot, widget: object) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)  # type: ignore[arg-type]


def section(page: SetupPage, key: str) -> None:
    keys = [one.key for one in page.sections]
    page.tabs.setCurrentIndex(keys.index(key))


def has_picture(qtbot: QtBot, page: SetupPage) -> None:
    qtbot.waitUntil(lambda: page.desk.picture is not None, timeout=20_000)


def test_a_simulated_rig_from_nothing(qtbot: QtBot, page: SetupPage, tmp_path: Path) -> None:
    page.camera.use("sim")
    has_picture(qtbot, page)
    section(page, "chambers")
    click(qtbot, page.chambers.templates[3])
    section(page, "scale")
    page.scale.length.setValue(47.0)
    section(page, "save")
    assert page.save.go.isEnabled(), page.save.ready.text()
    page.save.folder.setText(str(tmp_path))
    with qtbot.waitSignal(page.saved) as told:
        click(qtbot, page.save.go)
    (source,) = told.args
    assert source == f"sim:{tmp_path / 'rig.rig.toml'}"
    loaded = load_rig(source)
    assert list(loaded.boxes["A"].apparatus.chamber_names) == ["left", "centre", "right"]
