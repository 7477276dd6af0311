"""Colours, fonts, icons and the style sheet: the one place that knows what the app looks like."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QApplication

from explorer import paths

ThemeName = Literal["dark", "light"]
ThemeChoice = Literal["system", "dark", "light"]
GRID = 8
RADIUS = 8


@dataclass(frozen=True)
class Colors:
    """The colours of one theme as #rrggbb."""

    window: str
    chrome: str
    panel: str
    field: str
    border: str
    hover: str
    text: str
    muted: str
    faint: str
    accent: str
    on_accent: str
    second: str
    good: str
    bad: str
    knob: str
    classes: tuple[str, ...]


# Class colours: ten that keep apart for everybody, also for those with deuteranopia or protanopia (as simulated by
# Machado et al. 2009): ΔE*ab 15 at least between any two. Petroff's ten of 2021, where this began, come down to 3.
DARK = Colors(
    window="#111216",
    chrome="#191b22",
    panel="#1a1c24",
    field="#12141a",
    border="#2b2f39",
    hover="#262a34",
    text="#e8eaee",
    muted="#949aa6",
    faint="#2a2e38",
    accent="#5aa9ff",
    on_accent="#0c1118",
    second="#f0a93b",
    good="#3fbf83",
    bad="#f26d6d",
    knob="#e8eaee",
    classes=(
        "#55a2e9", "#fdb02d", "#f77066", "#55be95", "#8c59d1", "#926739", "#bb66ae", "#f1e89f", "#a4a8b8", "#a2e3e9",
    ),
)  # fmt: skip
LIGHT = Colors(
    window="#f3f4f7",
    chrome="#ffffff",
    panel="#ffffff",
    field="#f4f5f8",
    border="#d8dce3",
    hover="#e9ecf1",
    text="#12161d",
    muted="#5d6675",
    faint="#e3e6eb",
    accent="#1f6feb",
    on_accent="#ffffff",
    second="#c77700",
    good="#12805c",
    bad="#c93a3a",
    knob="#ffffff",
    classes=(
        "#4394dd", "#e98832", "#d4390c", "#034706", "#842bb4", "#6e433a", "#b64a8f", "#8f8143", "#9ba1aa", "#2d5a69",
    ),
)  # fmt: skip


class Theme(QObject):
    """The theme that is on; ``changed`` tells widgets that paint themselves."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.name: ThemeName = "dark"

    @property
    def colors(self) -> Colors:
        """Return the colours that are on."""
        return DARK if self.name == "dark" else LIGHT

    def apply(self, choice: ThemeChoice) -> None:
        """Turn a theme on for the whole application; "system" follows the desktop."""
        if choice == "system":
            light = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Light
            choice = "light" if light else "dark"
        self.name = choice
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.setPalette(_palette(self.colors))
        application.setStyleSheet(_style_sheet(self.colors))
        self.changed.emit()


@lru_cache(maxsize=1)
def current() -> Theme:
    """Return the application's theme."""
    return Theme()


def colors() -> Colors:
    """Return the colours that are on."""
    return current().colors


def prepare(application: QApplication) -> None:
    """Set style, fonts and icon, once."""
    application.setStyle("Fusion")
    for name in ("Inter-Regular.ttf", "Inter-SemiBold.ttf"):
        QFontDatabase.addApplicationFont(str(paths.resources() / "fonts" / name))
    application.setFont(font())
    application.setWindowIcon(QIcon(str(paths.resources() / "icons" / "app.svg")))


def font(pixels: int = 13, *, bold: bool = False, tabular: bool = False) -> QFont:
    """Return the app's font; ``tabular`` gives every digit the same width, so that numbers do not jitter."""
    made = QFont(["Inter", "DejaVu Sans"])
    made.setPixelSize(pixels)
    made.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    if tabular:
        made.setFeature(QFont.Tag("tnum"), 1)
    return made


def icon(name: str, color: str | None = None, active: str | None = None) -> QIcon:
    """Return an icon of ``resources/icons`` in a colour (muted by default); ``active`` is its colour when checked."""
    made = QIcon()
    for tint, state in ((color or colors().muted, QIcon.State.Off), (active or color or colors().text, QIcon.State.On)):
        for scale in (1, 2):
            pixmap = _pixmap(name, tint, 24 * scale)
            pixmap.setDevicePixelRatio(scale)
            made.addPixmap(pixmap, QIcon.Mode.Normal, state)
    made.addPixmap(_pixmap(name, colors().border, 24), QIcon.Mode.Disabled)
    return made


@lru_cache(maxsize=256)
def _svg(name: str) -> str:
    return (paths.resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def _pixmap(name: str, tint: str, size: int) -> QPixmap:
    from PySide6.QtSvg import QSvgRenderer

    pixmap = QPixmap(QSize(size, size))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(_svg(name).replace("currentColor", tint).encode())).render(
        painter, QRectF(0, 0, size, size)
    )
    painter.end()
    return pixmap


def _palette(c: Colors) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for which, color in {
        role.Window: c.window,
        role.WindowText: c.text,
        role.Base: c.field,
        role.AlternateBase: c.panel,
        role.Text: c.text,
        role.PlaceholderText: c.muted,
        role.Button: c.panel,
        role.ButtonText: c.text,
        role.BrightText: c.bad,
        role.Highlight: c.accent,
        role.HighlightedText: c.on_accent,
        role.ToolTipBase: c.panel,
        role.ToolTipText: c.text,
        role.Link: c.accent,
        role.Light: c.hover,
        role.Midlight: c.hover,
        role.Mid: c.border,
        role.Dark: c.border,
        role.Shadow: c.window,
    }.items():
        palette.setColor(which, QColor(color))
    for which in (role.Text, role.ButtonText, role.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(c.muted))
    return palette


def _style_sheet(c: Colors) -> str:
    chevron = (paths.resources() / "icons" / f"chevron-{'dark' if c is DARK else 'light'}.svg").as_posix()
    grip = (paths.resources() / "icons" / f"grip-{'dark' if c is DARK else 'light'}.svg").as_posix()
    check = (paths.resources() / "icons" / f"check-{'dark' if c is DARK else 'light'}.svg").as_posix()
    return f"""
* {{ outline: none; }}
QToolTip {{ background: {c.panel}; color: {c.text}; border: 1px solid {c.border}; padding: 5px 7px; }}
#header, #statusBar {{ background: {c.chrome}; }}
#header {{ border-bottom: 1px solid {c.border}; }}
#statusBar {{ border-top: 1px solid {c.border}; }}
#navigation {{ background: {c.chrome}; border-right: 1px solid {c.border}; }}
#navigation QToolButton {{ border: none; border-left: 3px solid transparent; border-radius: 0; color: {c.muted};
  padding: 8px 2px 7px 0; background: transparent; }}
#navigation QToolButton:hover {{ background: {c.hover}; }}
#navigation QToolButton:checked {{ background: {c.hover}; border-left-color: {c.accent}; color: {c.text}; }}
#navigation QToolButton:focus {{ color: {c.accent}; }}
#panel, #card {{ background: {c.panel}; border: 1px solid {c.border}; border-radius: {RADIUS}px; }}
#card:hover {{ border-color: {c.muted}; }}
#card[selected="true"] {{ border-color: {c.accent}; }}
#card:focus {{ border-color: {c.accent}; }}
QLabel[role="title"] {{ color: {c.muted}; font-weight: 600; }}
QLabel[role="muted"], QCheckBox[role="muted"] {{ color: {c.muted}; }}
QLabel[role="strong"] {{ font-weight: 600; }}
QLabel[role="note"] {{ color: {c.muted}; font-size: 12px; }}
QLabel[role="problem"] {{ color: {c.bad}; font-size: 12px; }}
#changedMark {{ background: {c.accent}; border-radius: 1px; }}
QLabel[role="pill"], QLabel[role="tag"] {{ border: 1px solid {c.border}; padding: 1px 6px; border-radius: 4px; }}
QLabel[role="tag"] {{ color: {c.muted}; font-size: 11px; }}
QLabel[role="pill"] {{ border-radius: 12px; padding: 0 12px; min-height: 24px; max-height: 24px; color: {c.muted}; }}
QPushButton, QToolButton {{ background: {c.hover}; color: {c.text}; border: 1px solid {c.border}; border-radius: 6px;
  padding: 5px 12px; }}
QPushButton:hover, QToolButton:hover {{ border-color: {c.muted}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {c.border}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {c.accent}; }}
QPushButton:checked {{ background: {c.panel}; color: {c.accent}; border-color: {c.accent}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {c.muted}; background: {c.panel}; }}
QPushButton[role="primary"] {{ background: {c.accent}; color: {c.on_accent}; border-color: {c.accent};
  font-weight: 600; }}
QPushButton[role="primary"]:hover {{ border-color: {c.text}; }}
QPushButton[role="primary"]:focus {{ border-color: {c.text}; }}
QPushButton[role="primary"]:disabled {{ background: {c.faint}; color: {c.muted}; border-color: {c.border}; }}
QPushButton[role="danger"] {{ color: {c.bad}; }}
QPushButton[role="link"], QToolButton[role="link"] {{ background: transparent; border: none; color: {c.muted};
  padding: 3px 0; text-align: left; }}
QToolButton[role="link"] {{ border: 1px solid transparent; border-radius: 4px; padding: 2px; }}
QPushButton[role="link"]:hover, QToolButton[role="link"]:hover, QPushButton[role="link"]:focus {{ color: {c.accent}; }}
QToolButton[role="link"]:focus {{ color: {c.accent}; border-color: {c.accent}; }}
QToolButton[role="icon"] {{ background: transparent; padding: 4px; border-radius: 12px; }}
QToolButton::menu-indicator, QPushButton::menu-indicator {{ width: 0; image: none; }}
#segmented {{ border: 1px solid {c.border}; border-radius: 6px; background: {c.panel}; }}
#segmented QPushButton {{ border: 1px solid transparent; background: transparent; color: {c.muted}; border-radius: 5px;
  padding: 4px 11px; }}
#segmented QPushButton[compact="true"] {{ padding: 4px 2px; }}
#segmented QPushButton:checked {{ background: {c.hover}; color: {c.text}; font-weight: 600; }}
#segmented QPushButton:focus {{ border-color: {c.accent}; }}
QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox {{ background: {c.field}; color: {c.text}; border: 1px solid {c.border};
  border-radius: 6px; padding: 4px 8px; min-height: 18px; selection-background-color: {c.accent};
  selection-color: {c.on_accent}; }}
QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus {{ border-color: {c.accent}; }}
QLineEdit[invalid="true"], QComboBox[invalid="true"] {{ border-color: {c.bad}; }}
QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled {{ color: {c.muted}; }}
QComboBox::drop-down {{ border: none; width: 24px; }}
SettingRow QComboBox {{ padding-right: 0; }}
SettingRow QComboBox::drop-down {{ width: 20px; }}
QComboBox::down-arrow {{ image: url({chevron}); width: 14px; height: 14px; }}
QComboBox QAbstractItemView {{ background: {c.panel}; border: 1px solid {c.border};
  selection-background-color: {c.hover}; selection-color: {c.text}; padding: 4px; }}
QCheckBox::indicator {{ width: 15px; height: 15px; border: 1px solid {c.border}; border-radius: 4px;
  background: {c.field}; }}
QCheckBox::indicator:checked {{ background: {c.accent}; border-color: {c.accent}; image: url({check}); }}
QCheckBox::indicator:focus {{ border-color: {c.accent}; }}
QProgressBar {{ background: {c.faint}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
QScrollArea {{ background: transparent; border: none; }}
#scrolled {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {c.border}; border-radius: 4px; min-height: 24px; min-width: 24px; margin: 1px; }}
QScrollBar::handle:hover {{ background: {c.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QSplitter::handle:vertical {{ image: url({grip}); }}
QSplitter::handle:vertical:hover {{ background: {c.hover}; border-radius: 4px; }}
QMenu {{ background: {c.panel}; border: 1px solid {c.border}; padding: 4px; }}
QMenu::item {{ padding: 6px 20px 6px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {c.hover}; }}
QMenu::item:disabled {{ color: {c.muted}; }}
QMenu::separator {{ height: 1px; background: {c.border}; margin: 4px 8px; }}
QLabel[role="key"] {{ border: 1px solid {c.border}; border-radius: 4px; padding: 1px 6px; color: {c.muted}; }}
#messageBar {{ background: {c.panel}; border: 1px solid {c.bad}; border-radius: {RADIUS}px;
  margin-top: 10px; }}
#details {{ background: {c.field}; border: 1px solid {c.border}; border-radius: 6px; color: {c.text}; }}
"""
