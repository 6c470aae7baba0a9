"""What every section of the rig page has in common, and the small fields they are made of."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress

from PyQt6.QtCore import QSignalBlocker
from PyQt6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gui.page import label, set_role
from gui.setup.canvas import Canvas, Point, Points, Shape
from gui.setup.rig_desk import RigDesk
from gui.texts import say


class Section(QWidget):
    """One step of setting up a rig; it shows what the desk holds and asks the desk for changes.

    `whole` says whether it works on the camera's whole picture or on the chosen box's part.
    """

    key = ""
    whole = False
    drawn_on = False  # its shapes are changed on the picture

    def __init__(self, desk: RigDesk, canvas: Canvas) -> None:
        super().__init__()
        self.desk, self.canvas = desk, canvas
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(4, 4, 10, 4)
        self.body.setSpacing(8)
        explain = label(say(f"setup.explain_{self.key}"), "muted", wrap=True)
        self.body.addWidget(explain)
        self._said = label("", "", wrap=True)
        self._said.setAccessibleName(say("setup.said"))

    def finish(self) -> None:
        """Called at the end of a section's making: what it says stands below all fields."""
        self.body.addWidget(self._said)
        self.body.addStretch(1)
        self._said.hide()

    def tell(self, text: str, role: str = "") -> None:
        """Say something in the section; "" takes it back."""
        self._said.setText(text)
        set_role(self._said, role)
        self._said.setVisible(bool(text))

    @property
    def told(self) -> str:
        """What it says just now."""
        return self._said.text()

    def enter(self) -> None:
        """It comes into view."""

    def leave(self) -> None:
        """It goes out of view."""

    def refresh(self) -> None:
        """The desk holds something else."""

    def shapes(self) -> Sequence[Shape]:
        """What is drawn on the picture."""
        return ()

    def selection(self) -> tuple[Hashable | None, int]:
        """Which shape and corner are chosen."""
        return self.canvas.key, self.canvas.corner

    def chosen(self, key: Hashable | None, corner: int) -> None:
        """A shape was chosen on the picture."""

    def dragged(self, key: Hashable, points: Points) -> None:
        """A shape is on its way."""

    def edited(self, key: Hashable, points: Points) -> None:
        """A shape was changed on the picture."""

    def corner_added(self, key: Hashable, corner: int) -> None:
        """A corner after this one was asked for."""

    def corner_removed(self, key: Hashable, corner: int) -> None:
        """This corner shall go."""

    def removed(self, key: Hashable) -> None:
        """This shape shall go."""

    def snap(self, key: Hashable, corner: int, point: Point, reach_px: float) -> Point:
        """Where a dragged corner goes that is here."""
        return point

    def close_down(self) -> None:
        """The window closes."""


def across(*widgets: QWidget | QLayout, stretch_last: bool = True) -> QHBoxLayout:
    """Widgets side by side."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    for k, one in enumerate(widgets):
        last = stretch_last and k == len(widgets) - 1
        if isinstance(one, QWidget):
            layout.addWidget(one, 1 if last else 0)
        else:
            layout.addLayout(one, 1 if last else 0)
    return layout


def beside(*widgets: QWidget) -> QWidget:
    """Widgets side by side, as one; the first takes the room."""
    made = QWidget()
    layout = across(*widgets, stretch_last=False)
    layout.setStretch(0, 1)
    made.setLayout(layout)
    made.setFocusProxy(widgets[0])
    return made


def form() -> QFormLayout:
    """Fields with their names before them, or above them where it is narrow."""
    layout = QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return layout


def add_row(layout: QFormLayout, text: str, field: QWidget) -> QLabel:
    """A field with its name, which a screen reader says too."""
    name = label(text)
    name.setBuddy(field)
    (field.focusProxy() or field).setAccessibleName(text)
    layout.addRow(name, field)
    return name


def line(changed: Callable[[str], None], text: str = "") -> QLineEdit:
    """A line of text; `changed` hears of it when it is left or Enter is pressed."""
    made = QLineEdit(text)
    made.editingFinished.connect(lambda: changed(made.text().strip()))
    return made


def number(
    changed: Callable[[float], None],
    low: float,
    high: float,
    *,
    decimals: int = 1,
    step: float = 1.0,
    suffix: str = "",
) -> QDoubleSpinBox:
    """A number; `changed` hears of it when it is left, stepped, or Enter is pressed."""
    made = QDoubleSpinBox()
    made.setRange(low, high)
    made.setDecimals(decimals)
    made.setSingleStep(step)
    made.setSuffix(suffix)
    made.setKeyboardTracking(False)
    made.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
    made.valueChanged.connect(changed)
    return made


def whole_number(changed: Callable[[int], None], low: int, high: int, suffix: str = "") -> QSpinBox:
    """A whole number, as `number`."""
    made = QSpinBox()
    made.setRange(low, high)
    made.setSuffix(suffix)
    made.setKeyboardTracking(False)
    made.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
    made.valueChanged.connect(changed)
    return made


def choice(items: Sequence[tuple[str, object]], changed: Callable[[object], None]) -> QComboBox:
    """One of some things, each a text and what it stands for."""
    made = QComboBox()
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(7)
    offer(made, items)
    made.activated.connect(lambda place: changed(made.itemData(place)))
    return made


def offer(box: QComboBox, items: Sequence[tuple[str, object]]) -> None:
    """Have a choice among other things."""
    there = [(box.itemText(k), box.itemData(k)) for k in range(box.count())]
    if there == list(items):
        return
    with quiet(box):
        box.clear()
        for text, stands_for in items:
            box.addItem(text, stands_for)


def pick(box: QComboBox, stands_for: object) -> None:
    """Show what is chosen; nothing where it is not offered."""
    place = next((k for k in range(box.count()) if box.itemData(k) == stands_for), -1)
    with quiet(box):
        box.setCurrentIndex(place)


def put(field: QDoubleSpinBox | QSpinBox | QLineEdit, value: float | int | str) -> None:
    """Show a value without telling anybody."""
    with quiet(field):
        if isinstance(field, QLineEdit):
            if field.text() != value and not (field.hasFocus() and field.isModified()):
                field.setText(str(value))
        elif isinstance(field, QSpinBox):
            field.setValue(int(value))
        else:
            field.setValue(float(value))


class quiet:  # noqa: N801  (used like a function)
    """While this lasts a widget tells nobody of changes."""

    def __init__(self, widget: QWidget) -> None:
        self._widget = widget

    def __enter__(self) -> None:
        self._blocker = QSignalBlocker(self._widget)

    def __exit__(self, *_: object) -> None:
        with suppress(RuntimeError):
            self._blocker.unblock()
