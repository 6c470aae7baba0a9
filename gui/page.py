"""What every page of the window has in common."""

from collections.abc import Callable

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from gui.theme import Theme


class Page(QWidget):
    """One page. Making it changes nothing; `enter` and `leave` say that it is looked at or not."""

    def enter(self) -> None:
        """It comes into view."""

    def leave(self) -> None:
        """It goes out of view."""

    def use_theme(self, theme: Theme) -> None:
        """Colours that no style sheet reaches (plots, pictures) are changed here."""

    def close_down(self) -> None:
        """The window closes: threads and connections of this page end. Sessions do not."""


class LaterPage(Page):
    """A page that is made when it is first looked at: what it needs takes a while to load."""

    def __init__(self, make: Callable[[QWidget], Page]) -> None:
        super().__init__()
        self._make = make
        self._made: Page | None = None
        self._theme = Theme.DARK
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    @property
    def page(self) -> Page:
        """The page itself."""
        if self._made is None:
            self._made = self._make(self)  # in its place from the start: the tab key goes by that
            self._made.use_theme(self._theme)
            self._layout.addWidget(self._made)
            self.setFocusProxy(self._made)
            for field in self._made.findChildren(QLineEdit):
                field.setAcceptDrops(False)  # a file dropped on a field is meant for the window
        return self._made

    def enter(self) -> None:
        """It comes into view."""
        self.page.enter()

    def leave(self) -> None:
        """It goes out of view."""
        self.page.leave()

    def use_theme(self, theme: Theme) -> None:
        """Now, or when it is made."""
        self._theme = theme
        if self._made is not None:
            self._made.use_theme(theme)

    def close_down(self) -> None:
        """The window closes."""
        if self._made is not None:
            self._made.close_down()


def label(text: str = "", role: str = "", *, wrap: bool = False) -> QLabel:
    """A text; `role` is title, big, muted, good, warn or bad (see the theme)."""
    made = QLabel()
    made.setTextFormat(Qt.TextFormat.PlainText)  # a name with < in it is a name
    made.setText(text)
    made.setWordWrap(wrap)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    set_role(made, role)
    return made


def button(text: str, role: str = "") -> QPushButton:
    """A button; `role` is main, danger or none."""
    made = QPushButton(text)
    made.setAutoDefault(True)  # Enter presses the one that has the focus
    set_role(made, role)
    return made


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget its role in the theme, or another one."""
    if widget.property("role") == role:
        return
    widget.setProperty("role", role)
    style = widget.style()
    if style is not None:
        style.unpolish(widget)
        style.polish(widget)


def card(*inside: QWidget) -> QFrame:
    """A frame that holds things which belong together."""
    frame = QFrame()
    frame.setObjectName("card")
    layout = QVBoxLayout(frame)
    for widget in inside:
        layout.addWidget(widget)
    return frame
