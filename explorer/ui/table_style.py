"""How lists and tables look in both themes."""

from PySide6.QtWidgets import QAbstractItemView

from explorer import paths
from explorer.ui import theme


def dress(view: QAbstractItemView) -> None:
    """Colour a list or table after the theme that is on."""
    view.setStyleSheet(_style_sheet(theme.colors()))


def _style_sheet(c: theme.Colors) -> str:
    check = (paths.resources() / "icons" / f"check-{'dark' if c is theme.DARK else 'light'}.svg").as_posix()
    return f"""
QAbstractItemView {{ background: transparent; border: none; color: {c.text};
  selection-background-color: {c.hover}; selection-color: {c.text}; }}
QAbstractItemView::item {{ padding: 3px 6px; border: none; }}
QAbstractItemView::item:hover {{ background: {c.hover}; }}
QAbstractItemView::item:selected {{ background: {c.hover}; }}
QAbstractItemView::indicator {{ width: 13px; height: 13px; border: 1px solid {c.muted}; border-radius: 4px;
  background: {c.field}; }}
QAbstractItemView::indicator:checked {{ background: {c.accent}; border-color: {c.accent}; image: url({check}); }}
QHeaderView {{ background: transparent; border: none; }}
QHeaderView::section {{ background: transparent; color: {c.muted}; border: none; padding: 3px 6px; }}
QHeaderView::section:horizontal {{ border-bottom: 1px solid {c.border}; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QTableCornerButton::section {{ background: transparent; border: none; border-bottom: 1px solid {c.border}; }}
"""
