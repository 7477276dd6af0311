"""The experiment form: what is searched, changed or wrong is shown where it is, and nothing else moves."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from explorer import runs
from explorer.config import RunConfig
from explorer.errors import ConfigError
from explorer.settings import load_settings, preset_names, with_settings
from explorer.ui.app import make_application
from explorer.ui.config_form import ConfigForm
from explorer.ui.setting_row import SettingRow

pytestmark = pytest.mark.qt_log_ignore(r"This plugin does not support (raise|grabbing the keyboard)", extend=True)


@pytest.fixture
def form(qtbot: QtBot) -> Iterator[ConfigForm]:
    make_application("dark")
    shown = ConfigForm()
    shown.resize(274, 560)
    shown.show()
    qtbot.waitExposed(shown)
    shown.activateWindow()
    yield shown
    shown.close()
    shown.deleteLater()
    forget_deleted()


def forget_deleted() -> None:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def visible(form: ConfigForm) -> list[str]:
    return [address for address, row in form.rows.items() if row.isVisibleTo(form)]


def type_into(qtbot: QtBot, form: ConfigForm, address: str, text: str, *, enter: bool = True) -> None:
    editor = form.rows[address].editor
    editor.setFocus()
    editor.selectAll()  # type: ignore[union-attr]
    qtbot.keyClicks(editor, text)
    if enter:
        qtbot.keyClick(editor, Qt.Key.Key_Return)


def menu_of(widget: QWidget) -> QMenu:
    middle = widget.rect().center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, middle, widget.mapToGlobal(middle))
    QApplication.sendEvent(widget, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


# ---- search --------------------------------------------------------------------------------------------------------


def test_search_finds_names_meanings_addresses_and_choices(form: ConfigForm) -> None:
    before = visible(form)
    for words, found in (
        ("learning rate", "training.learning_rate"), ("model.beta", "model.beta"),
        ("standard deviation", "model.sigma"), ("CONVOLUTIONS", "model.network"),
        ("bfloat16", "training.precision"), ("u-net", None),
    ):  # fmt: skip
        form.search.setText(words)
        assert (found in visible(form)) if found else not visible(form), words
    form.search.setText("  norm   clip ")
    assert visible(form) == ["training.gradient_clip"], "all words, wherever they are; in the fold too"
    assert not form.fold.isEnabled() and form.fold.text().startswith("▾")
    form.search.clear()
    assert visible(form) == before and form.fold.text() == "▸ More settings"


def test_a_search_that_finds_nothing_says_so(form: ConfigForm) -> None:
    form.search.setText("zebra <b>")
    assert not visible(form) and not form.fold.isVisible()
    assert form._nothing.isVisible() and "“zebra <b>”" in form._nothing.text()
    assert form._nothing.textFormat() == Qt.TextFormat.PlainText
    form.search.clear()
    assert not form._nothing.isVisible()


def test_what_does_not_matter_now_is_found_with_what_it_needs(form: ConfigForm) -> None:
    form.search.setText("binarization")
    row = form.rows["model.binarization"]
    assert row.isVisible() and not row.editor.isEnabled()
    assert row.message.isVisible() and row.message.text() == "only with Likelihood = Bernoulli"
    form.set_value("model.likelihood", "bernoulli")
    assert row.editor.isEnabled() and not row.message.isVisible()
    form.search.setText("model.channels")
    form.set_value("model.network", "mlp")
    assert form.rows["model.channels"].message.text() == "only with Network = convolutional or residual"
    form.search.clear()
    assert not form.rows["model.channels"].isVisible()


def test_the_keyboard_searches_and_clears(form: ConfigForm, qtbot: QtBot) -> None:
    qtbot.waitUntil(form.isActiveWindow)
    qtbot.keyClick(form, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(form.search.hasFocus)
    qtbot.keyClicks(form.search, "seed")
    assert "training.seed" in visible(form) and "training.epochs" not in visible(form)
    qtbot.keyClick(form.search, Qt.Key.Key_Escape)
    assert form.search.text() == "" and "training.epochs" in visible(form)


# ---- what is changed -----------------------------------------------------------------------------------------------


def test_changes_are_marked_counted_and_taken_back(form: ConfigForm, qtbot: QtBot) -> None:
    row = form.rows["training.epochs"]
    assert not row.changed and not row.reset.isVisible() and form.difference.text() == "as the preset has it"
    type_into(qtbot, form, "training.epochs", "7")
    form.set_value("training.gradient_clip", "1")
    form.set_value("training.schedule", "cosine")
    assert row._mark.isVisible() and row._name.property("role") == "" and row.reset.isVisible()
    assert "changed: was 150" in row.editor.toolTip() and "changed: was 150" in row.editor.accessibleDescription()
    assert "changed: was constant" in form.rows["training.schedule"].editor.toolTip()
    assert form.difference.text() == "3 changed" and "Epochs" in form.difference.toolTip()
    assert form.preset.currentText() == "Digits β-VAE · 10-d", "it is still that preset, changed"
    assert "3 of its settings changed" in form.preset.accessibleDescription()
    assert form.fold.text() == "▸ More settings · 2 changed"
    row.reset.setFocus()
    qtbot.keyClick(row.reset, Qt.Key.Key_Space)
    assert row.text == "150" and not row.changed and not row._mark.isVisible() and form.difference.text() == "2 changed"
    assert row.editor.hasFocus(), "the focus does not get lost with the button"
    with qtbot.waitSignal(form.changed):
        qtbot.mouseClick(form.reset, Qt.MouseButton.LeftButton)
    assert form.settings == load_settings("digits-beta-vae")
    assert not form.reset.isVisible() and form.fold.text() == "▸ More settings"


def test_typing_the_same_value_again_is_no_change(form: ConfigForm, qtbot: QtBot) -> None:
    for text in ("30", "150", "1.5e2", " 150 "):
        type_into(qtbot, form, "training.epochs", text)
        assert form.rows["training.epochs"].changed == (text == "30")
    assert form.rows["training.epochs"].text == "150", "written as people write it"


def test_changes_are_told_from_the_run_that_is_shown(form: ConfigForm) -> None:
    run = runs.read_config(runs.find("digits-vae-2d"))
    run = run.model_copy(update={"title": "A run of mine"})
    form.set_config(run)
    assert form.config() == run and form.preset.currentIndex() == -1
    assert form.preset.placeholderText() == "A run of mine" and form.difference.text() == "as the run has it"
    form.set_value("model.beta", "9")
    assert f"was {run.model.beta:g}" in form.rows["model.beta"].editor.toolTip()  # type: ignore[union-attr]
    assert form.config().title == "A run of mine, changed"
    form._reset_all()
    assert form.config() == run


def test_another_model_under_a_presets_name_says_so(form: ConfigForm) -> None:
    form.set_value("training.epochs", "3")
    assert form.config().title == "Digits β-VAE · 10-d", "the same model, trained longer or shorter"
    form.set_value("model.latent_size", "3")
    assert form.config().title == "Digits β-VAE · 10-d, changed"
    form.set_value("model.latent_size", "10")
    assert form.config().title == "Digits β-VAE · 10-d"


def test_the_menu_resets_and_copies(form: ConfigForm) -> None:
    row = form.rows["model.beta"]
    assert not [action for action in menu_of(row.editor).actions() if action.text().startswith("Reset")]
    form.set_value("model.beta", "9")
    menu = menu_of(row.editor)
    actions = {action.text(): action for action in menu.actions()}
    assert any("Paste" in text for text in actions), "what every field offers"
    actions["Copy for the command line"].trigger()
    assert QGuiApplication.clipboard().text() == '--set "model.beta=9"'
    actions["Reset to 4"].trigger()
    menu.close()
    assert row.text == "4" and not row.changed
    form.set_value("model.network", "mlp")
    menu = menu_of(form.rows["model.network"].editor)
    menu.actions()[0].trigger()
    menu.close()
    assert form.rows["model.network"].text == "convolutional"


# ---- what is wrong -------------------------------------------------------------------------------------------------


def test_wrong_values_are_all_explained_in_place(form: ConfigForm) -> None:
    valid = form.settings
    assert not form.problems and not form.fold.isChecked()
    for address, text in {
        "model.beta": "−3", "training.epochs": "many", "training.checkpoint_seconds": "0", "training.batch_size": "",
    }.items():  # fmt: skip
        form.set_value(address, text)
    assert form.problems == {
        "model.beta": "β must be from 0 to 1000; you typed −3",
        "training.epochs": "Epochs must be a whole number from 1 to 1\u00a0000\u00a0000; you typed many",
        "training.checkpoint_seconds": "Checkpoint every must be from 1 to 86\u00a0400 s; you typed 0",
        "training.batch_size": "Batch must be a whole number from 1 to 65\u00a0536; nothing is typed",
    }
    QApplication.processEvents()
    for address, problem in form.problems.items():
        row = form.rows[address]
        assert row.message.isVisible() and row.message.text() == problem, "also in the fold, which opens"
        assert row.message.textFormat() == Qt.TextFormat.PlainText
        assert row.message.y() >= row.editor.geometry().bottom()
        assert row.editor.property("invalid") is True and problem in row.editor.accessibleDescription()
    assert form.settings == valid, "where one is wrong, what was there before stands"
    form.set_value("training.seed", "5")
    assert form.settings.training.seed == 5 and form.rows["training.seed"].changed
    with pytest.raises(ConfigError) as caught:
        form.config()
    assert str(caught.value).startswith("β must be from 0 to 1000; you typed −3; Epochs must be")
    assert str(caught.value).endswith("; and 1 more")
    form.fold.click()
    form.go_to_problem()
    assert form.rows["model.beta"].editor.hasFocus()
    for address, text in {
        "training.epochs": "1 000", "training.checkpoint_seconds": "9", "training.batch_size": "8", "model.beta": "3",
    }.items():  # fmt: skip
        form.set_value(address, text)
    assert not form.problems and not [row for row in form.rows.values() if row.editor.property("invalid")]
    assert form.config().training.epochs == 1000


def test_a_wrong_value_is_told_when_it_is_finished_and_taken_back_at_once(form: ConfigForm, qtbot: QtBot) -> None:
    row = form.rows["training.learning_rate"]
    type_into(qtbot, form, "training.learning_rate", "1e", enter=False)
    assert not row.problem, "nobody is corrected in the middle of a number"
    qtbot.keyClick(row.editor, Qt.Key.Key_Return)
    assert row.problem and form.problems.keys() == {"training.learning_rate"}
    qtbot.keyClicks(row.editor, "-")
    assert row.problem
    qtbot.keyClicks(row.editor, "2")
    assert not row.problem and not form.problems and row.text == "1e-2", "as it is typed, the cursor stays"
    qtbot.keyClick(row.editor, Qt.Key.Key_Return)
    assert row.text == "0.01" and form.settings.training.learning_rate == 0.01


def test_what_is_being_typed_counts(form: ConfigForm, qtbot: QtBot) -> None:
    type_into(qtbot, form, "training.epochs", "9", enter=False)
    assert form.config().training.epochs == 9 and form.settings.training.epochs == 9
    type_into(qtbot, form, "training.epochs", "0", enter=False)
    with pytest.raises(ConfigError, match="Epochs must be from 1"):
        form.config()
    assert form.rows["training.epochs"].message.isVisible()


def test_what_does_not_matter_cannot_be_wrong(form: ConfigForm) -> None:
    form.set_value("model.sigma", "-1")
    assert form.problems.keys() == {"model.sigma"}
    form.set_value("model.likelihood", "bernoulli")
    assert not form.problems and form.config().model.sigma == 0.2  # type: ignore[union-attr]
    form.set_value("model.likelihood", "gaussian")
    assert not form.problems and form.rows["model.sigma"].text == "0.2"


def test_a_wrong_value_stays_in_sight_while_searching(form: ConfigForm) -> None:
    form.search.setText("seed")
    form.set_value("training.epochs", "0")
    assert form.rows["training.epochs"].isVisible() and "training.batch_size" not in visible(form)


@pytest.mark.parametrize(
    ("address", "text", "words"),
    [
        ("training.learning_rate", "nan", "a number above 0, at most"),
        ("training.learning_rate", "1e400", "a number above 0"),
        ("training.seed", "9" * 5000, "you typed 99999999999999999999… (5000 letters)"),
        ("training.batch_size", "0", "from 1 to 65\u00a0536; you typed 0"),
        ("training.batch_size", "-1", "you typed -1"),
        ("training.batch_size", "true", "a whole number"),
        ("training.epochs", "1.5", "a whole number"),
        ("model.latent_size", "0", "from 1 to 512"),
        ("training.turns", "soon", "write 120 beta=20"),
        ("training.epochs", "{a = 1}", "a whole number"),
        ("training.epochs", "[[[[", "you typed [[[["),
        ("training.epochs", "<b>9</b>", "you typed <b>9</b>"),
    ],
)
def test_hostile_texts_are_refused(form: ConfigForm, address: str, text: str, words: str) -> None:
    form.set_value(address, text)
    assert words in form.problems[address] and len(form.problems[address]) < 200


# ---- numbers, wheel, focus -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "start", "keys", "end"),
    [
        ("training.epochs", "99", "U", "100"), ("training.epochs", "100", "UD", "100"),
        ("training.epochs", "1", "D", "1"), ("model.beta", "4", "UU", "5"), ("model.beta", "0.2", "D", "0"),
        ("training.learning_rate", "0.001", "U", "0.002"), ("training.learning_rate", "0.001", "DD", "0.0002"),
        ("training.learning_rate", "0.003", "U", "0.005"), ("training.batch_size", "64", "UUD", "128"),
        ("training.batch_size", "1", "D", "1"), ("training.seed", "0", "P", "10"), ("model.sigma", "0.2", "U", "0.25"),
        ("training.epochs", "many", "U", "many"), ("training.turns", "5 beta=2", "U", "5 beta=2"),
        ("training.learning_rate", "0.001", "P", "0.01"), ("training.learning_rate", "nan", "U", "nan"),
        ("training.seed", "9" * 5000, "U", "9" * 5000), ("training.learning_rate", "-1", "U", "-1"),
    ],
)  # fmt: skip
def test_arrow_keys_step_numbers(form: ConfigForm, qtbot: QtBot, address: str, start: str, keys: str, end: str) -> None:
    known = {"U": Qt.Key.Key_Up, "D": Qt.Key.Key_Down, "P": Qt.Key.Key_PageUp}
    form.set_value(address, start)
    for key in keys:
        qtbot.keyClick(form.rows[address].editor, known[key])
    assert form.rows[address].text == end
    assert (address in form.problems) == (start == end and start not in {"100", "1", "5 beta=2"})


def test_the_wheel_scrolls_and_changes_nothing(form: ConfigForm) -> None:
    form.fold.click()
    bar = form._area.verticalScrollBar()
    QApplication.processEvents()
    assert bar.maximum() > 0
    for focused in (False, True):
        for widget in (form.rows["model.family"].editor, form.rows["training.epochs"].editor):
            bar.setValue(0)
            if focused:
                widget.setFocus()
            middle = QPointF(widget.rect().center())
            event = QWheelEvent(
                middle, widget.mapToGlobal(middle), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            QApplication.sendEvent(widget, event)
            assert form.settings == load_settings("digits-beta-vae")
            assert not event.isAccepted(), "it goes to what scrolls"


def test_a_change_of_family_moves_nothing_else(form: ConfigForm, qtbot: QtBot) -> None:
    family, epochs = form.rows["model.family"], form.rows["training.epochs"]
    family.editor.setFocus()
    form.set_value("model.beta", "7")
    form.set_value("training.epochs", "0")
    form.set_value("model.family", "ddpm")
    assert form.rows["model.family"] is family and family.editor.hasFocus() and form.rows["training.epochs"] is epochs
    assert epochs.text == "0" and form.problems.keys() == {"training.epochs"}, "what is wrong elsewhere stays as typed"
    assert "model.beta" not in form.rows and "model.timesteps" in form.rows
    assert family.changed and "changed: was VAE, β-VAE" in family.editor.toolTip()
    assert "Denoising diffusion" in family.editor.toolTip()
    form.set_value("model.timesteps", "50")
    family.reset.click()
    assert form.rows["model.beta"].text == "7", "a family that was left comes back as it was"
    form.set_value("training.epochs", "150")
    form.set_value("model.beta", "4")
    assert form.settings == load_settings("digits-beta-vae") and form.difference.text() == "as the preset has it"
    form.set_value("model.family", "ddpm")
    assert form.rows["model.timesteps"].text == "50"


def test_changing_the_family_often_leaves_nothing_behind(form: ConfigForm) -> None:
    counts = []
    for _ in range(4):
        for family in ("ddpm", "vq", "hierarchical", "vae"):
            form.set_value("model.family", family)
        forget_deleted()
        counts.append(len(form.findChildren(QWidget)))
    assert len(set(counts)) == 1, counts
    assert {row.address for row in form.findChildren(SettingRow)} == set(form.rows)


def test_tab_goes_down_the_form_after_a_change_of_family(form: ConfigForm) -> None:
    form.fold.click()
    form.set_value("model.family", "hierarchical")
    form.set_value("model.beta", "2")
    QApplication.processEvents()
    places: list[int] = []
    inside = form._area.widget()
    form.search.setFocus()
    for _ in range(60):
        form.focusNextChild()
        widget = QApplication.focusWidget()
        if widget is None or not inside.isAncestorOf(widget):
            break
        beside = 3 if isinstance(widget, QPushButton) else 0  # what is in a row is about as high
        places.append(widget.mapTo(inside, QPoint(0, 0)).y() - beside)
    assert len(places) > 20 and places == sorted(places)


def test_rows_of_a_preset_of_the_same_family_are_kept(form: ConfigForm) -> None:
    rows = dict(form.rows)
    form.set_config(load_settings("mnist-vae"))
    assert form.rows == rows and form.config() == load_settings("mnist-vae")


# ---- every setting -------------------------------------------------------------------------------------------------


def test_every_preset_is_shown_whole(form: ConfigForm) -> None:
    for name in preset_names():
        form.preset.setCurrentIndex(form.preset.findData(name))
        form._use_preset()
        assert form.config() == load_settings(name)
        assert not form.problems and not [row for row in form.rows.values() if row.changed]
        for address, row in form.rows.items():
            assert address in row.editor.toolTip() and row.editor.accessibleName() and row.reset.accessibleName()


def test_titles_of_any_letters_survive(form: ConfigForm) -> None:
    config = RunConfig(title='β "quoted" \\ \U0001f600 \x7f')
    form.set_config(config)
    assert form.config() == config
    form.set_value("model.beta", "2")
    assert form.config().title == 'β "quoted" \\ \U0001f600 \x7f, changed'


def test_lists_and_settings_of_the_machine_are_shown_and_read(form: ConfigForm) -> None:
    config = with_settings(
        load_settings("digits-ddpm"), ["model.schedule=custom", "model.betas=1e-4, 0.02", 'training.device="cuda:1"']
    )
    form.set_config(config)
    assert form.rows["model.betas"].text == "0.0001, 0.02" and form.rows["training.device"].text == "cuda:1"
    assert form.config() == config
    form.set_value("training.device", "cpu")
    assert form.rows["training.device"].editor.findData("cuda:1") == -1  # type: ignore[union-attr]


def test_nothing_is_cut_off(form: ConfigForm) -> None:
    form.fold.click()
    for family in ("vae", "vq", "ddpm"):
        form.set_value("model.family", family)
        for row in form.rows.values():
            row.show_changed("something else")
        QApplication.processEvents()
        for row in form.rows.values():
            if row.isVisible():
                assert row._name.height() >= row._name.heightForWidth(row._name.width()), row.name
                widest = max(row._name.fontMetrics().horizontalAdvance(word) for word in row.name.split())
                assert widest <= row._name.width(), row.name
                assert row.geometry().right() <= form._area.viewport().width()


# ---- settings that do not go together ------------------------------------------------------------------------------


def test_settings_that_do_not_go_together_are_told_at_each_of_them(form: ConfigForm) -> None:
    form.set_config(load_settings("digits-vae"))
    form.set_value("data.name", "two-moons")
    assert set(form.problems) == {"data.name", "model.likelihood"}
    for address in form.problems:
        row = form.rows[address]
        assert row.message.isVisible() and row.editor.property("invalid") is True
        assert row.problem == "two-moons are points, not pictures in [0, 1]; choose Likelihood = Gaussian"
    with pytest.raises(ConfigError) as told:
        form.config()
    assert str(told.value).count("two-moons") == 1, "one problem is told once"
    assert form.rows["data.name"].changed and not form.rows["model.likelihood"].changed, "wrong is not changed"
    assert form.go_to_problem() == "Data set and Likelihood are marked in the form"
    form.set_value("model.likelihood", "gaussian")
    assert not form.problems and form.config().data.name == "two-moons"


def test_a_batch_that_the_data_cannot_fill_is_told_in_the_form(form: ConfigForm) -> None:
    form.set_config(load_settings("digits-vae"))
    form.set_value("training.batch_size", "1501")
    assert set(form.problems) == {"data.name", "training.batch_size"}
    form.set_value("training.batch_size", "1500")
    assert not form.problems
    form.set_value("training.batch_size", "0")
    form.set_value("data.name", "swiss-roll")
    assert set(form.problems) == {"training.batch_size"}, "first what is wrong by itself"


def test_advanced_settings_that_do_not_go_together_are_brought_into_sight(form: ConfigForm) -> None:
    form.set_config(load_settings("digits-ddpm"))
    assert not form.rows["model.multipliers"].isVisible()
    form.set_value("model.multipliers", "1, 1, 1, 1, 1")
    assert form.rows["model.multipliers"].message.isVisible() and "at most 4" in form.problems["data.name"]
