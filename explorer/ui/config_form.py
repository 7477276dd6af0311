"""A form made from the settings of ``config``: one row a setting, nothing written twice."""

from collections.abc import Iterator
from typing import get_args

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from explorer.config import FamilyName, ModelConfig, RunConfig
from explorer.errors import ConfigError
from explorer.setting import condition, either
from explorer.settings import load_settings, preset_names, settings_of, titled, typed, value_of, with_settings
from explorer.ui import form_problems, theme
from explorer.ui.panel import button, column, label
from explorer.ui.search_field import SearchField
from explorer.ui.setting_row import ChoiceBox, SettingRow, set_state

_FIRST = "digits-beta-vae"
_FAMILY = "model.family"
_SPACING = 7


class ConfigForm(QWidget):
    """Shows and edits a RunConfig; ``changed`` follows every edit.

    What was changed is marked against the preset, or the run, whose settings were shown with ``set_config``.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._presets = {name: load_settings(name) for name in preset_names()}
        self._config = self._origin = self._baseline = self._presets[_FIRST]
        self._visited: dict[str, ModelConfig] = {}
        self._problems: dict[str, str] = {}  # what is no value of its setting
        self._misfits: dict[str, str] = {}  # what does not go together
        self._more_open = False
        self.rows: dict[str, SettingRow] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GRID)
        layout.addLayout(self._head())
        layout.addWidget(self._scrolled(), 1)
        QShortcut(QKeySequence.StandardKey.Find, self, self._find)
        for section in ("data", "model", "training"):
            self._fill(section)
        self.set_config(self._config)

    # ---- layout ----

    def _head(self) -> QVBoxLayout:
        self.preset = ChoiceBox()
        self.preset.setToolTip("Settings known to work; every one can be changed below")
        self.preset.setAccessibleName("Preset")
        self.preset.setMinimumContentsLength(8)
        for name, config in self._presets.items():
            self.preset.addItem(config.title, name)
        self.preset.activated.connect(self._use_preset)
        first = QHBoxLayout()
        first.setSpacing(12)
        self._preset_name = label("Preset", "muted")
        self._preset_name.setBuddy(self.preset)
        first.addWidget(self._preset_name)
        first.addWidget(self.preset, 1)
        self.difference = label("", "note")
        self.reset = button("Reset", "Take back every change", "link")
        self.reset.clicked.connect(self._reset_all)
        self.difference.setMinimumHeight(self.reset.sizeHint().height())  # or all below would move
        second = QHBoxLayout()
        second.addWidget(self.difference, 1)
        second.addWidget(self.reset)
        self.search = SearchField()
        self.search.setPlaceholderText("Search settings…")
        self.search.setClearButtonEnabled(True)
        self.search.setToolTip("Show the settings that have these words in name, meaning or choices (Ctrl+F)")
        self.search.setAccessibleName("Search settings")
        self.search.textChanged.connect(self._show_rows)
        head = QVBoxLayout()
        head.setSpacing(theme.GRID)
        head.addLayout(first)
        head.addLayout(second)
        head.addWidget(self.search)
        return head

    def _scrolled(self) -> QScrollArea:
        inside, body = column()
        inside.setObjectName("scrolled")
        self._groups: dict[tuple[str, bool], QVBoxLayout] = {}
        self._usual, self._more = self._holder(advanced=False), self._holder(advanced=True)
        self.fold = button("", "Settings that rarely need a change", "link")
        self.fold.setCheckable(True)
        self.fold.clicked.connect(self._turn_fold)
        self._nothing = label("", "muted")
        self._nothing.setTextFormat(Qt.TextFormat.PlainText)
        self._nothing.setWordWrap(True)
        for widget in (self._usual, self.fold, self._more, self._nothing):
            body.addWidget(widget)
        body.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(inside)
        self._body = body
        self._area.verticalScrollBar().rangeChanged.connect(self._make_room)
        return self._area

    @Slot()
    def _make_room(self) -> None:
        """Keep the fields apart from the scroll bar while there is one."""
        self._body.setContentsMargins(0, 0, 4 if self._area.verticalScrollBar().maximum() else 0, 0)

    def _holder(self, *, advanced: bool) -> QWidget:
        holder, layout = column(_SPACING)
        for section in ("data", "model", "training"):
            group = QVBoxLayout()
            group.setSpacing(_SPACING)
            layout.addLayout(group)
            self._groups[section, advanced] = group
        return holder

    def _fill(self, section: str) -> None:
        """Make the rows of a section; the family's stays, which has the focus when it is changed."""
        for address in [known for known in self.rows if known.startswith(f"{section}.") and known != _FAMILY]:
            row = self.rows.pop(address)
            self._groups[section, row.advanced].removeWidget(row)
            row.hide()
            row.deleteLater()
        for address, field in settings_of(self._config).items():
            if address == _FAMILY and address in self.rows:
                self.rows[address].declare(field)
            elif address.startswith(f"{section}."):
                row = SettingRow(address, field, get_args(FamilyName) if address == _FAMILY else ())
                row.set_value(value_of(self._config, address))
                row.edited.connect(self._edited)
                row.reset_asked.connect(self._reset)
                self._groups[section, row.advanced].addWidget(row)
                self.rows[address] = row
        before: QWidget = self.search
        for widget in self._in_order():
            QWidget.setTabOrder(before, widget)
            before = widget

    def _in_order(self) -> Iterator[QWidget]:
        """Yield what can have the focus, from the top down."""
        for advanced in (False, True):
            for row in self._sorted():
                if row.advanced == advanced:
                    yield from (row.editor, row.reset)
            if not advanced:
                yield self.fold

    def _sorted(self) -> list[SettingRow]:
        return [self.rows[address] for address in settings_of(self._config) if address in self.rows]

    # ---- showing ----

    @Slot()
    def _use_preset(self) -> None:
        self.set_config(self._presets[self.preset.currentData()])

    def set_config(self, config: RunConfig) -> None:
        """Show these settings; changes are marked against them from now on."""
        same_family = config.model.family == self._config.model.family
        self._config = self._origin = self._baseline = config
        self._visited, self._problems, self._misfits = {}, {}, {}
        name = next((name for name, preset in self._presets.items() if preset == config), None)
        self.preset.setCurrentIndex(self.preset.findData(name) if name else -1)
        self.preset.setPlaceholderText(config.title)
        if not same_family:
            self._fill("model")
        for address, row in self.rows.items():
            row.set_value(value_of(config, address))
        self._refresh()
        self.changed.emit()

    def _refresh(self) -> None:
        """Show what is wrong, what is changed and what matters now, as the settings are."""
        for address, row in self.rows.items():
            unread = address in self._problems
            problem = self._problems.get(address) or self._misfits.get(address, "")
            if problem and not row.problem and row.advanced:
                self._more_open = True
            row.show_problem(problem)
            if not unread and not row.typing:
                row.set_value(value_of(self._config, address))
            origin = self._origin if address == _FAMILY else self._baseline
            was = value_of(origin, address)
            same = not unread and value_of(self._config, address) == was
            row.show_changed(None if same else row.value_name(was))
        self._count_changes()
        self._show_rows()

    def _count_changes(self) -> None:
        changed = [row for row in self._sorted() if row.changed and self._matters(row)]
        self.reset.setVisible(bool(changed))
        whose = "preset" if self.preset.currentIndex() >= 0 else "run"
        count = len(changed)
        self.difference.setText(f"{count} changed" if changed else f"as the {whose} has it")
        self.difference.setToolTip(
            f"Changed from the {whose}: {', '.join(row.name for row in changed)}" if changed else ""
        )
        self.preset.setAccessibleDescription(f"{count} of its settings changed" if changed else "")
        set_state(self._preset_name, "role", "" if changed else "muted")

    @Slot()
    def _show_rows(self) -> None:
        """Show what matters, or what is searched for."""
        words = self.search.text().casefold().split()
        found = {False: 0, True: 0}
        for row in self.rows.values():
            matters = self._matters(row)
            visible = row.matches(words) or bool(row.problem) if words else matters
            row.show_needs("" if matters or not words else self._need(row))
            row.setVisible(visible)
            found[row.advanced] += visible
        self.fold.setVisible(found[True] > 0)
        self._more.setVisible(found[True] > 0 and (self._more_open or bool(words)))
        self._nothing.setVisible(bool(words) and not any(found.values()))
        self._nothing.setText(f"Nothing matches “{self.search.text().strip()}”. Clear the search to see all.")
        inside = sum(row.changed and self._matters(row) for row in self.rows.values() if row.advanced)
        is_open = self._more_open or bool(words)
        self.fold.setText(f"{'▾' if is_open else '▸'} More settings" + (f" · {inside} changed" if inside else ""))
        self.fold.setAccessibleName(self.fold.text()[2:])
        self.fold.setChecked(is_open)
        self.fold.setEnabled(not words)

    def _matters(self, row: SettingRow) -> bool:
        found = condition(row.field)
        return found is None or self._other(row, found[0]).text in found[1]

    def _need(self, row: SettingRow) -> str:
        found = condition(row.field)
        if found is None:
            return ""
        other = self._other(row, found[0])
        return f"only with {other.name} = {either(tuple(map(other.value_name, found[1])))}"

    def _other(self, row: SettingRow, name: str) -> SettingRow:
        return self.rows[f"{row.address.split('.')[0]}.{name}"]

    @Slot()
    def _turn_fold(self) -> None:
        self._more_open = not self._more_open
        self._show_rows()

    @Slot()
    def _find(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    # ---- editing ----

    @Slot(str)
    def _edited(self, address: str) -> None:
        if address == _FAMILY and self.rows[_FAMILY].text != self._config.model.family:
            self._use_family(self.rows[_FAMILY].text)
        self._take()
        self._refresh()
        self.changed.emit()

    def _use_family(self, family: str) -> None:
        """Change the model section alone; a family that was left comes back as it was."""
        self._visited[self._config.model.family] = self._config.model
        if family == self._origin.model.family:
            self._baseline = self._origin
        else:
            self._baseline = with_settings(self._origin, [f"model.family={family}"])
        if family in self._visited:
            self._config = self._config.model_copy(update={"model": self._visited[family]})
        else:
            self._config = with_settings(self._config, [f"model.family={family}"])
        self._fill("model")

    def _take(self) -> None:
        """Take what is in the fields; where it is wrong, what was there before stands."""
        texts = {address: row.text for address, row in self.rows.items()}
        config, problems = typed(self._config, texts)
        if config is None:
            config, _ = typed(self._config, {address: texts[address] for address in texts.keys() - problems.keys()})
        if config is not None:
            self._config = titled(config.model_copy(update={"title": self._origin.title}), self._origin)
        # A setting that does not matter now cannot be wrong.
        self._problems = {address: text for address, text in problems.items() if self._matters(self.rows[address])}
        self._misfits = {} if self._problems else form_problems.of_misfits(self._config, self.rows)

    @Slot(str)
    def _reset(self, address: str) -> None:
        self.rows[address].set_value(value_of(self._origin if address == _FAMILY else self._baseline, address))
        self._edited(address)

    @Slot()
    def _reset_all(self) -> None:
        self.preset.setFocus()
        self.set_config(self._origin)

    # ---- what it holds ----

    @property
    def settings(self) -> RunConfig:
        """Return the settings, always valid: one that is wrong now is as it was before."""
        return self._config

    @property
    def problems(self) -> dict[str, str]:
        """Return what is wrong, in words, by the address of each wrong setting."""
        return self._problems | self._misfits

    def config(self) -> RunConfig:
        """Return the settings as they are in the form, also what is still being typed.

        Raises:
            ConfigError: one is out of range or no number, or two do not go together; the message names it.
        """
        self._take()
        self._refresh()
        if self.problems:
            raise ConfigError(form_problems.in_full(self._wrong))
        return self._config

    @property
    def _wrong(self) -> list[SettingRow]:
        return [row for row in self._sorted() if row.problem]

    def go_to_problem(self) -> str:
        """Bring the first wrong setting into sight, put the cursor there, and return in short what is wrong."""
        wrong = self._wrong
        if not wrong:
            return ""
        self._area.ensureWidgetVisible(wrong[0])
        wrong[0].editor.setFocus()
        return form_problems.in_short(wrong)

    @property
    def data_name(self) -> str:
        """Return the data set that is chosen."""
        return self.rows["data.name"].text

    def set_value(self, address: str, text: str) -> None:
        """Edit one setting as a person would: choose it or type it."""
        self.rows[address].set_text(text)
        self._edited(address)
