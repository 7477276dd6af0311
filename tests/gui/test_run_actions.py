"""What can be done with runs on the Models page: rename, note, duplicate, show the folder, delete."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, Qt, QUrl, Slot
from PySide6.QtGui import QAction, QContextMenuEvent, QDesktopServices
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QLabel, QMenu
from pytestqt.qtbot import QtBot

from explorer import library, locks, metrics, paths, runs
from explorer.messages import Failure
from explorer.training_messages import Knobs, Turned
from explorer.ui.facts import details
from explorer.ui.main_window import MainWindow
from explorer.ui.model_card import Card
from explorer.ui.models_page import ModelsPage
from explorer.ui.train_page import TrainPage

Until = Callable[[Callable[[], bool]], None]


def own(name: str, source: str = "two-moons-eps", **changes: object) -> Path:
    """Make a run of the user's out of a bundled one."""
    folder = paths.library() / name
    shutil.copytree(runs.find(source), folder)
    runs.update_record(folder, **{"created": "2026-11-20T10:00:00Z", **changes})
    return folder


@pytest.fixture
def trash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the files of a trash that is this test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    (tmp_path / "share").mkdir()
    return tmp_path / "share" / "Trash" / "files"


@pytest.fixture
def page(window: MainWindow) -> ModelsPage:
    made = window.show_page("models")
    assert isinstance(made, ModelsPage)
    return made


def card(page: ModelsPage, name: str) -> Card:
    page.refresh()
    return next(shown for shown in page.cards if shown.card.name == name)


def choose(page: ModelsPage, qtbot: QtBot, name: str) -> Card:
    shown = card(page, name)
    page.grid.ensureWidgetVisible(shown)
    qtbot.mouseClick(shown, Qt.MouseButton.LeftButton)
    shown.setFocus()
    return shown


def disabled(action: QAction) -> str:
    """Return why an action cannot be done, "" where it can."""
    return "" if action.isEnabled() else action.toolTip()


# ---- names ---------------------------------------------------------------------------------------------------------


def test_f2_renames_and_the_card_shows_it_at_once(page: ModelsPage, qtbot: QtBot) -> None:
    folder = own("first")
    qtbot.keyClick(choose(page, qtbot, "first"), Qt.Key.Key_F2)
    assert page.details.name.hasFocus() and page.details.name.selectedText() == page.details.name.text()
    qtbot.keyClicks(page.details.name, "  A better name, beta 4 ")
    qtbot.keyClick(page.details.name, Qt.Key.Key_Return)
    assert runs.read_config(folder).title == "A better name, beta 4"
    shown = next(shown for shown in page.cards if shown.card.name == "first")
    assert shown.card.title == page.details.title.text() == "A better name, beta 4"
    assert not page.details.name.isVisible() and page.details.title.isVisible()
    assert folder.is_dir() and page.chosen is not None and page.chosen.path == str(folder), "the folder keeps its name"
    assert shown.hasFocus(), "the keys go on working"


def test_escape_takes_a_name_back(page: ModelsPage, qtbot: QtBot) -> None:
    folder = own("first")
    before = runs.read_config(folder).title
    qtbot.keyClick(choose(page, qtbot, "first"), Qt.Key.Key_F2)
    qtbot.keyClicks(page.details.name, "something else")
    qtbot.keyClick(page.details.name, Qt.Key.Key_Escape)
    assert runs.read_config(folder).title == page.details.title.text() == before
    assert not page.details.name.isVisible()


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_wrong_name_is_explained_in_place(page: ModelsPage, qtbot: QtBot, problems: list[Failure], name: str) -> None:
    folder = own("first")
    before = runs.read_config(folder).title
    choose(page, qtbot, "first")
    page.actions_.renaming.trigger()
    page.details.name.setText(name)
    qtbot.keyClick(page.details.name, Qt.Key.Key_Return)
    assert page.details._complaint.isVisible() and "1 to 80 letters" in page.details._complaint.text()
    assert page.details.name.isVisible() and runs.read_config(folder).title == before
    page.details.name.setText("right")
    qtbot.keyClick(page.details.name, Qt.Key.Key_Return)
    assert runs.read_config(folder).title == "right" and not page.details._complaint.isVisible()
    assert not problems


def test_a_name_that_is_being_typed_is_kept_when_another_card_is_chosen(page: ModelsPage, qtbot: QtBot) -> None:
    folder = own("first")
    choose(page, qtbot, "first")
    page.actions_.renaming.trigger()
    page.details.name.setText("typed")
    qtbot.mouseClick(card(page, "digits-vae-2d"), Qt.MouseButton.LeftButton)
    assert runs.read_config(folder).title == "typed"
    assert page.chosen is not None and page.chosen.name == "digits-vae-2d"
    assert page.details.title.text() == page.chosen.title and page.details.title.isVisible()


def test_a_record_that_cannot_be_written_is_told_and_the_name_stays_to_be_kept(
    page: ModelsPage, qtbot: QtBot, problems: list[Failure], monkeypatch: pytest.MonkeyPatch
) -> None:
    own("first")
    choose(page, qtbot, "first")
    page.actions_.renaming.trigger()
    page.details.name.setText("typed")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    qtbot.keyClick(page.details.name, Qt.Key.Key_Return)
    assert "No space left" in problems[0].text and page.details.name.isVisible()
    monkeypatch.undo()
    monkeypatch.setenv("VDX_HOME", str(paths.data_home()))


# ---- notes ---------------------------------------------------------------------------------------------------------


def test_a_note_is_kept_shown_and_found(page: ModelsPage, qtbot: QtBot) -> None:
    folder = own("first")
    choose(page, qtbot, "first")
    page.actions_.annotating.trigger()
    assert page.details.note.hasFocus()
    qtbot.keyClicks(page.details.note, "collapses at 20")
    qtbot.keyClick(page.details.note, Qt.Key.Key_Return)
    qtbot.keyClicks(page.details.note, "try a warm-up")
    qtbot.keyClick(page.details.note, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert runs.card(folder).note == "collapses at 20\ntry a warm-up"
    assert not page.details.note.hasFocus()
    page.search.setText("warm-up COLLAPSES")
    assert [shown.card.name for shown in page.cards] == ["first"]
    page.choose(runs.card(runs.find("digits-vae-2d")))
    assert not page.details.note.isVisible(), "bundled models have none"
    page.choose(page.cards[0].card)
    assert page.details.note.toPlainText() == "collapses at 20\ntry a warm-up"


def test_a_note_is_kept_when_the_focus_goes_and_when_the_window_closes(
    page: ModelsPage, window: MainWindow, qtbot: QtBot
) -> None:
    folder = own("first")
    choose(page, qtbot, "first")
    page.details.note.setFocus()
    qtbot.keyClicks(page.details.note, "one")
    page.search.setFocus()
    assert runs.card(folder).note == "one"
    page.details.note.setFocus()
    page.details.note.setPlainText("two")
    window.close()
    assert runs.card(folder).note == "two"


def test_the_click_that_ends_a_note_presses_its_button(page: ModelsPage, qtbot: QtBot) -> None:
    """The press takes the focus from the note, which is written and read again before the release."""
    folder = own("first")
    choose(page, qtbot, "first")
    page.details.note.setFocus()
    qtbot.keyClicks(page.details.note, "typed")
    training, asked = page.details.curves_button, QSignalSpy(page.show_training)
    window = page.window()
    qtbot.waitUntil(lambda: window.childAt(training.mapTo(window, training.rect().center())) is training)
    where = training.mapTo(window, training.rect().center())
    screen = window.windowHandle()  # a press on the widget itself would not ask what is under the mouse now
    QTest.mousePress(screen, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)
    assert runs.card(folder).note == "typed" and page.chosen is not None and page.chosen.note == "typed"
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QTest.mouseRelease(screen, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)
    assert [asked.at(index) for index in range(asked.count())] == [[str(folder)]]


def test_escape_takes_a_note_back_and_a_long_one_is_explained(page: ModelsPage, qtbot: QtBot) -> None:
    folder = own("first", note="as it was")
    choose(page, qtbot, "first")
    page.details.note.setFocus()
    page.details.note.setPlainText("x" * (runs.LONGEST_NOTE + 1))
    qtbot.keyClick(page.details.note, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert "4000 letters" in page.details._complaint.text()
    page.details.note.setFocus()
    qtbot.keyClick(page.details.note, Qt.Key.Key_Escape)
    assert page.details.note.toPlainText() == "as it was" == runs.card(folder).note
    assert not page.details._complaint.isVisible()


def test_typing_is_not_disturbed_by_a_run_that_changes(page: ModelsPage, qtbot: QtBot) -> None:
    folder = own("first")
    choose(page, qtbot, "first")
    page.details.note.setFocus()
    qtbot.keyClicks(page.details.note, "half a sen")
    runs.update_record(folder, metrics={"test_loss": 0.5, "epochs": 1})
    page.shown()
    assert page.chosen is not None and page.chosen.metrics["test_loss"] == 0.5, "the change is seen"
    assert page.details.note.toPlainText() == "half a sen" and page.details.note.hasFocus()


# ---- settings ------------------------------------------------------------------------------------------------------


def test_settings_are_taken_to_a_new_experiment(page: ModelsPage, window: MainWindow, qtbot: QtBot) -> None:
    choose(page, qtbot, "digits-beta-vae")
    assert not disabled(page.actions_.duplicating), "a bundled model's settings, too"
    with qtbot.waitSignal(page.settings_of) as asked:
        page.actions_.duplicating.trigger()
    assert asked.args == [str(runs.find("digits-beta-vae"))]
    train = window.page("train")
    assert isinstance(train, TrainPage) and window.stack.currentWidget() is train
    expected = runs.read_config(runs.find("digits-beta-vae"))
    assert (train.form.config().data, train.form.config().model) == (expected.data, expected.model)
    assert train.folder is None, "an experiment of its own, not the run it came from"


def test_settings_that_are_no_longer_valid_are_told(page: ModelsPage, qtbot: QtBot, problems: list[Failure]) -> None:
    folder = own("first")
    record = json.loads((folder / runs.RECORD).read_text())
    record["config"]["training"]["epochs"] = -3
    (folder / runs.RECORD).write_text(json.dumps(record))
    choose(page, qtbot, "first")
    page.actions_.duplicating.trigger()
    assert "training.epochs = -3" in problems[0].text


# ---- the folder ----------------------------------------------------------------------------------------------------


class FileManager(QObject):
    """Stands for the desktop's: takes note of what it should show."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    @Slot(QUrl)
    def show(self, url: QUrl) -> None:
        """Take note."""
        self.shown.append(url.toLocalFile())


@pytest.fixture
def file_manager() -> Iterator[FileManager]:
    made = FileManager()
    QDesktopServices.setUrlHandler("file", made, "show")
    yield made
    QDesktopServices.unsetUrlHandler("file")


def test_the_folder_is_shown(page: ModelsPage, qtbot: QtBot, file_manager: FileManager) -> None:
    folder = own("with a space and ß")
    choose(page, qtbot, folder.name)
    page.actions_.revealing.trigger()
    choose(page, qtbot, "digits-vae-2d")
    page.actions_.revealing.trigger()
    assert file_manager.shown == [str(folder), str(runs.find("digits-vae-2d"))]


def test_a_desktop_without_a_file_manager_names_the_folder(
    page: ModelsPage, qtbot: QtBot, problems: list[Failure], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = own("first")
    choose(page, qtbot, "first")
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: False)
    page.actions_.revealing.trigger()
    assert str(folder) in problems[0].text
    shutil.rmtree(folder)
    page.actions_.revealing.trigger()
    assert "is gone" in problems[1].text


# ---- deleting ------------------------------------------------------------------------------------------------------


def test_delete_asks_once_and_goes_to_the_trash(page: ModelsPage, qtbot: QtBot, trash: Path) -> None:
    for number in (1, 2, 3):
        own(f"run{number}", created=f"2026-11-20T10:00:0{number}Z")
    shown = choose(page, qtbot, "run2")
    qtbot.keyClick(shown, Qt.Key.Key_Delete)
    question = page.details.question
    assert question.isVisible() and "MB" in question.text.text() and "run2" in question.text.text()
    assert (paths.library() / "run2").is_dir() and question.no.hasFocus(), "nothing goes by one key"
    qtbot.mouseClick(question.yes, Qt.MouseButton.LeftButton)
    assert not (paths.library() / "run2").exists() and not question.isVisible()
    assert (trash / "run2" / runs.RECORD).is_file(), "it can be taken back"
    assert page.chosen is not None and page.chosen.name == "run1", "the next one"
    qtbot.keyClick(next(s for s in page.cards if s.card.name == "run1"), Qt.Key.Key_Delete)
    qtbot.mouseClick(question.yes, Qt.MouseButton.LeftButton)
    assert page.chosen is not None and page.chosen.name == "run3", "the one before, as there is none after"
    assert {shown.card.name for shown in page.cards if not shown.card.bundled} == {"run3"}


def test_escape_keeps_the_run(page: ModelsPage, qtbot: QtBot, trash: Path) -> None:
    folder = own("first")
    shown = choose(page, qtbot, "first")
    qtbot.keyClick(shown, Qt.Key.Key_Delete)
    qtbot.keyClick(page.details.question.no, Qt.Key.Key_Escape)
    assert folder.is_dir() and not page.details.question.isVisible() and shown.hasFocus()
    qtbot.keyClick(shown, Qt.Key.Key_Delete)
    qtbot.mouseClick(card(page, "digits-vae-2d"), Qt.MouseButton.LeftButton)
    assert folder.is_dir() and not page.details.question.isVisible(), "a question about another model is over"


def test_without_a_trash_it_asks_again_before_it_is_gone_for_good(
    page: ModelsPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = own("first")
    monkeypatch.setattr("explorer.ui.models_page.move_to_trash", lambda _folder: "there is none")
    choose(page, qtbot, "first")
    page.actions_.deleting.trigger()
    question = page.details.question
    qtbot.mouseClick(question.yes, Qt.MouseButton.LeftButton)
    assert folder.is_dir() and question.isVisible() and "for good" in question.text.text()
    qtbot.mouseClick(question.no, Qt.MouseButton.LeftButton)
    assert folder.is_dir()
    page.actions_.deleting.trigger()
    assert question.yes.text() == "Move to trash", "from the beginning"
    qtbot.mouseClick(question.yes, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(question.yes, Qt.MouseButton.LeftButton)
    assert not folder.exists() and all(shown.card.name != "first" for shown in page.cards)


def test_a_run_that_is_being_trained_is_not_deleted(
    page: ModelsPage, qtbot: QtBot, trash: Path, problems: list[Failure]
) -> None:
    folder = own("first", status="training")
    with locks.writing(folder):
        shown = choose(page, qtbot, "first")
        assert shown.card.status == "training" and "stop it first" in disabled(page.actions_.deleting)
        qtbot.keyClick(shown, Qt.Key.Key_Delete)
        assert not page.details.question.isVisible()
    assert card(page, "first").card.status == "interrupted" and not disabled(page.actions_.deleting)
    page.actions_.deleting.trigger()
    with locks.writing(folder):  # it was begun while the question stood
        qtbot.mouseClick(page.details.question.yes, Qt.MouseButton.LeftButton)
    assert folder.is_dir() and "being trained" in problems[0].text


def test_bundled_models_stay(page: ModelsPage, qtbot: QtBot) -> None:
    shown = choose(page, qtbot, "digits-vae-2d")
    actions = page.actions_
    for action in (actions.renaming, actions.annotating, actions.deleting):
        assert "ships with the app" in disabled(action)
    for key in (Qt.Key.Key_Delete, Qt.Key.Key_F2):
        qtbot.keyClick(shown, key)
    assert not page.details.question.isVisible() and not page.details.name.isVisible()
    assert not disabled(actions.revealing)


@pytest.mark.parametrize("record", ["{", None])
def test_damaged_runs_can_be_deleted(page: ModelsPage, qtbot: QtBot, trash: Path, record: str | None) -> None:
    folder = own("first")
    (folder / runs.RECORD).unlink()
    if record is not None:
        (folder / runs.RECORD).write_text(record)
    shown = choose(page, qtbot, "first")
    assert shown.card.problem and not page.open_button.isEnabled()
    assert disabled(page.actions_.renaming) and disabled(page.actions_.duplicating)
    assert not disabled(page.actions_.revealing)
    page.actions_.deleting.trigger()
    qtbot.mouseClick(page.details.question.yes, Qt.MouseButton.LeftButton)
    assert not folder.exists() and (trash / "first").is_dir()


def test_a_run_that_is_gone_already_is_told_and_forgotten(
    page: ModelsPage, qtbot: QtBot, trash: Path, problems: list[Failure]
) -> None:
    folder = own("first")
    choose(page, qtbot, "first")
    page.actions_.deleting.trigger()
    shutil.rmtree(folder)
    qtbot.mouseClick(page.details.question.yes, Qt.MouseButton.LeftButton)
    assert "gone already" in problems[0].text and all(shown.card.name != "first" for shown in page.cards)


def test_delete_in_a_text_field_deletes_text(page: ModelsPage, qtbot: QtBot, trash: Path) -> None:
    own("first")
    choose(page, qtbot, "first")
    page.search.setFocus()
    qtbot.keyClicks(page.search, "first")
    qtbot.keyClick(page.search, Qt.Key.Key_Home)
    for _ in range(9):
        qtbot.keyClick(page.search, Qt.Key.Key_Delete)
    page.details.note.setFocus()
    qtbot.keyClick(page.details.note, Qt.Key.Key_Delete)
    assert page.search.text() == "" and not page.details.question.isVisible()


def test_a_link_to_a_run_is_deleted_and_not_the_run(home: Path, tmp_path: Path) -> None:
    folder = own("first")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    library.remove(folder)
    assert not folder.is_symlink() and (tmp_path / "elsewhere" / runs.RECORD).is_file()


# ---- the list ------------------------------------------------------------------------------------------------------


def test_changes_leave_the_scroll_the_search_and_the_other_cards(page: ModelsPage, qtbot: QtBot) -> None:
    folders = [own(f"run{number}", created=f"2026-11-20T10:00:0{number}Z") for number in range(6)]
    page.search.setText("run")
    choose(page, qtbot, "run0")
    bar = page.grid.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    at, before = bar.value(), list(page.cards)
    library.rename(folders[3], "run of another name")
    page.shown()
    assert bar.value() == at and page.search.text() == "run"
    assert [shown.card.name for shown in page.cards] == [f"run{number}" for number in range(5, -1, -1)]
    assert [now is then for now, then in zip(page.cards, before, strict=True)] == [True, True, False, True, True, True]


def test_own_runs_come_first_and_the_kinds_count_what_the_search_finds(page: ModelsPage, qtbot: QtBot) -> None:
    assert page.chosen is not None and page.chosen.path == str(runs.folders()[0]), "without own runs: the first bundled"
    for number in (1, 2):
        own(f"run{number}", created=f"2026-11-20T10:00:0{number}Z")
    page.refresh()
    bundled = [folder.name for folder in runs.folders() if runs.card(folder).bundled]
    assert [shown.card.name for shown in page.cards] == ["run2", "run1", *bundled]
    assert page.kind.buttons["all"].text() == f"All {len(bundled) + 2}" and page.kind.buttons["own"].text() == "Yours 2"
    page.kind.choose("own")
    assert [shown.card.name for shown in page.cards] == ["run2", "run1"]
    page.search.setFocus()
    qtbot.keyClicks(page.search, "run1")
    said = [button.text() for button in page.kind.buttons.values()]
    assert said == ["All 1", "Yours 1", "VAE 0", "Diffusion 1"]
    page.window().messages.tell(Failure("still there"))  # type: ignore[attr-defined]
    qtbot.keyClick(page.search, Qt.Key.Key_Escape)
    assert page.search.text() == "" and len(page.cards) == 2 and page.search.hasFocus()
    assert page.window().messages.isVisible(), "Esc does one thing at a time"  # type: ignore[attr-defined]


def test_runs_of_one_name_and_day_are_told_apart(page: ModelsPage, qtbot: QtBot) -> None:
    for number in (1, 2):
        own(f"run{number}", created=f"2026-11-20T10:00:0{number}Z")
    times = [dict(details(card(page, f"run{number}").card))["Made"] for number in (1, 2)]
    assert times[0] < times[1] and times[0].endswith(":00:01")
    assert [times[number - 1] in card(page, f"run{number}").toolTip() for number in (1, 2)] == [True, True]
    marks = [[one.text() for one in card(page, f"run{number}").findChildren(QLabel)] for number in (1, 2)]
    assert times[0][11:] in marks[0] and times[1][11:] in marks[1], "also without the mouse"
    own("odd", created="yesterday")
    assert dict(details(card(page, "odd").card))["Made"] == "yesterday"


def test_turned_knobs_are_among_the_facts(page: ModelsPage, qtbot: QtBot) -> None:
    folder = own("first", source="digits-beta-vae")
    (folder / metrics.METRICS).unlink(missing_ok=True)

    def said() -> list[str]:
        page.choose(runs.card(runs.find("digits-vae-2d")))
        choose(page, qtbot, "first")
        return [shown.text() for shown in page.details.findChildren(QLabel) if "turned" in shown.text()]

    assert said() == []
    beta = runs.read_config(folder).model.beta  # type: ignore[union-attr]
    metrics.append_turn(folder, Turned(5, 0.2, Knobs(beta, 0.5)))
    assert said() == ["lr × 1 → 0.5, turned while it trained"]
    (folder / metrics.METRICS).unlink()
    metrics.append_turn(folder, Turned(10, 0.5, Knobs(0.44)))
    assert said() == [f"β {beta:g} → 0.44, turned while it trained"]
    for step in range(4):
        metrics.append_turn(folder, Turned(20 + step, 1.0, Knobs(1.0 + step, 0.5)))
    assert said() == [f"β {beta:g} → … → 4, lr × 1 → 0.5, turned while it trained"]


def test_tags_that_do_not_fit_go_as_a_whole(qtbot: QtBot) -> None:
    shown = Card(runs.card(runs.find("digits-beta-vae")))
    qtbot.addWidget(shown)
    shown.resize(200, 300)
    shown.show()
    tags = [child for child in shown.findChildren(QLabel) if child.property("role") == "tag"]
    qtbot.waitUntil(lambda: tags[0].isVisible() and not tags[-1].isVisible())
    qtbot.waitUntil(lambda: all(tag.width() >= tag.sizeHint().width() for tag in tags if tag.isVisible()))
    shown.resize(500, 300)
    qtbot.waitUntil(lambda: all(tag.isVisible() for tag in tags))
    assert all(tag.text() in shown.toolTip() for tag in tags)


def test_a_run_that_stands_still_says_how_it_ended(page: ModelsPage, qtbot: QtBot) -> None:
    for status in ("training", "stopped", "failed", "finished"):
        folder = own(status, status=status, metrics={"test_loss": 0.1, "epochs": 3.0})
        (folder / runs.CHECKPOINTS / "00000100").mkdir(parents=True)
        (folder / runs.CHECKPOINTS / "00000100" / "manifest.json").write_text("{}")
    assert card(page, "training").card.status == "interrupted"
    said = {}
    for name in ("training", "stopped", "failed", "finished"):
        shown = choose(page, qtbot, name)
        labels = {child.text() for child in page.details.findChildren(type(page.details.title))}
        said[name] = next((text for text in labels if "resumed" in text or "error" in text), "")
        assert (shown.card.status in shown._status.text()) == (name != "finished")
    assert said["training"] == "interrupted; can be resumed"
    assert said["stopped"].startswith("stopped after 3 of ") and said["stopped"].endswith("; can be resumed")
    assert "ended with an error" in said["failed"] and said["finished"] == ""
    page.search.setText("interrupted")
    assert [shown.card.name for shown in page.cards] == ["training"]


def test_the_right_button_offers_the_actions_of_its_card(
    page: ModelsPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    own("first")
    shown = card(page, "first")
    menus: list[QMenu] = []
    monkeypatch.setattr(QMenu, "popup", lambda menu, _where: menus.append(menu))  # this screen has no popups
    where = QPoint(20, 20)
    QApplication.sendEvent(shown, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, where, shown.mapToGlobal(where)))
    assert page.chosen is not None and page.chosen.name == "first"
    [menu] = menus
    offered = [action for action in menu.actions() if not action.isSeparator()]
    assert offered[0].text() == "Rename" and offered[-1].text() == "Move to trash…"
    assert all(len(action.toolTip()) > len(action.text()) for action in offered)


# ---- elsewhere -----------------------------------------------------------------------------------------------------


def test_a_run_elsewhere_is_opened(
    page: ModelsPage, window: MainWindow, tmp_path: Path, problems: list[Failure], new_run: Callable[..., Path]
) -> None:
    page.open_folder(tmp_path)
    assert "run.json is missing" in problems[0].text and window.stack.currentWidget() is page
    page.open_folder(tmp_path / "nowhere")
    assert "no run folder" in problems[1].text
    shutil.copytree(runs.find("digits-beta-vae"), tmp_path / "elsewhere")
    page.open_folder(tmp_path / "elsewhere")
    train = window.page("train")
    assert isinstance(train, TrainPage) and window.stack.currentWidget() is train
    assert train.folder == tmp_path / "elsewhere"


def test_a_run_that_lies_elsewhere_stays_on_the_list_until_it_is_taken_off(
    page: ModelsPage, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = tmp_path / "disk" / "outside"
    shutil.copytree(own("inside"), folder)
    shown: list[str] = []
    page.show_training.connect(shown.append)
    page.open_folder(folder)
    assert shown == [str(folder)]
    page.refresh()
    choose(page, qtbot, "outside")
    assert page.actions_.forgetting.isVisible() and not card(page, "outside").card.bundled
    page.actions_.forgetting.trigger()
    assert folder.is_dir() and "outside" not in [made.card.name for made in page.cards]
    choose(page, qtbot, "inside")
    assert not page.actions_.forgetting.isVisible()
    page.open_folder(tmp_path)
    assert str(tmp_path) not in [made.card.path for made in page.cards], "what is no run is not remembered"
