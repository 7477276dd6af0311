"""The run folder: made, listed, found, renamed, and safe to read whatever happened to it."""

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from explorer import elsewhere, files, library, locks, paths, runs
from explorer.errors import ConfigError, RunError
from explorer.settings import load_settings


def test_new_runs_get_safe_free_folders(home: Path) -> None:
    config = load_settings("digits-vae")
    first, second = runs.create(config), runs.create(config)
    assert first != second and first.parent == second.parent == paths.library()
    assert [card.title for card in map(runs.card, runs.folders()) if not card.bundled] == [config.title] * 2


@pytest.mark.parametrize(
    ("title", "name"),
    [("..", "run"), ("CON", "con-run"), ("β-VAE / 10", "beta-vae-10"), ("x" * 300, "x" * 60), ("日本", "run")],
)
def test_titles_become_safe_folder_names(title: str, name: str) -> None:
    assert runs.slug(title) == name


def test_a_folder_that_holds_something_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty"):
        runs.create(load_settings("digits-vae"), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"not empty|cannot be made"):
        runs.create(load_settings("digits-vae"), tmp_path / "file")
    with pytest.raises(RunError, match="cannot be made"):
        runs.create(load_settings("digits-vae"), tmp_path / "file" / "below")


def test_bundled_models_are_found_by_name() -> None:
    for name in ("digits-vae-2d", "digits-beta-vae", "digits-ddpm"):
        card = runs.card(runs.find(name))
        assert card.bundled and not card.problem and card.parameters > 0 and card.metrics
        assert "vdx train" in runs.read_record(runs.find(name))["command"]
    with pytest.raises(RunError, match="digits-ddpm"):
        runs.find("nope")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"schema_version": "1"}', b'{"schema_version": true}', b"\xff", b"{}" * 3]
)
def test_a_broken_record_becomes_a_card_that_says_so(new_run: Callable[..., Path], content: bytes) -> None:
    folder = new_run("digits-vae")
    (folder / runs.RECORD).write_bytes(content)
    assert runs.card(folder).problem
    with pytest.raises(RunError, match=r"run\.json"):
        runs.read_config(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": None},
        {"parameters": "abc"},
        {"parameters": [1]},
        {"metrics": {"test_elbo": 10**400, "test_kl": True, "seconds": "long"}},
        {"metrics": []},
        {"config": {"model": {"family": "vae", "beta": "4", "latent_size": None}}},
        {"config": {"model": {"family": ["vae"], "beta": None}, "data": 3, "title": 7}},
        {"config": None, "created": 5, "command": {}},
        {"config": {"model": [1], "training": "long"}, "status": ["training"], "note": {"text": 5}},
        {"status": "dreaming", "note": "x" * 100_000, "metrics": {"epochs": 3}},
    ],
)
def test_a_record_of_odd_types_is_listed_all_the_same(
    new_run: Callable[..., Path], changes: dict[str, object], capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    from explorer.cli import main
    from explorer.ui.facts import details, figures, tags

    folder = runs.create(load_settings("digits-vae"))
    record = json.loads((folder / runs.RECORD).read_text())
    (folder / runs.RECORD).write_text(json.dumps({**record, **changes}))
    card = runs.card(folder)
    assert isinstance(card.parameters, int) and figures(card) and tags(card) and details(card)
    assert main(["list", "--json"]) == 0
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


def test_a_record_of_the_future_asks_for_an_update(new_run: Callable[..., Path]) -> None:
    folder = new_run("digits-vae")
    record = json.loads((folder / runs.RECORD).read_text())
    (folder / runs.RECORD).write_text(json.dumps({**record, "schema_version": 99}))
    with pytest.raises(RunError, match="newer version"):
        runs.read_config(folder)


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    files.write_atomically(tmp_path / "a", b"0123456789")
    files.write_manifest(tmp_path, ["a"])
    assert files.read_verified(tmp_path, "a") == b"0123456789"
    for cut in range(10):
        (tmp_path / "a").write_bytes(b"0123456789"[:cut])
        with pytest.raises(RunError, match="damaged"):
            files.read_verified(tmp_path, "a")
    (tmp_path / "a").unlink()
    with pytest.raises(RunError, match="missing"):
        files.read_verified(tmp_path, "a")
    with pytest.raises(RunError, match="does not list"):
        files.read_verified(tmp_path, "b")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_atomically(tmp_path / "a", b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match="No space left"):
        files.write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["a"]


# ---- what a person does with them ----------------------------------------------------------------------------------


def test_a_new_name_changes_neither_the_folder_nor_the_order(home: Path) -> None:
    made = [runs.create(load_settings("digits-vae")) for _ in range(3)]
    for number, folder in enumerate(made):
        runs.update_record(folder, created=f"2026-11-20T10:00:0{number}Z")
    library.rename(made[0], " A β-VAE ")
    library.annotate(made[0], "first\r\n\x00second\tline\n ")
    own = [card for card in map(runs.card, runs.folders()) if not card.bundled]
    assert [card.path for card in own] == [str(folder) for folder in reversed(made)], "newest first, as before"
    assert own[-1].title == "A β-VAE" == runs.read_config(made[0]).title and own[-1].note == "first\nsecond\tline"


@pytest.mark.parametrize("title", ["", "  ", "x" * 81, "two\nlines"])
def test_a_name_is_as_valid_as_a_title(new_run: Callable[..., Path], title: str) -> None:
    folder = new_run("digits-vae")
    before = (folder / runs.RECORD).read_bytes()
    with pytest.raises(ConfigError, match="one line of 1 to 80 letters"):
        library.rename(folder, title)
    with pytest.raises(ConfigError, match="4000"):
        library.annotate(folder, "x" * 4001)
    assert (folder / runs.RECORD).read_bytes() == before


def test_what_two_write_into_a_record_at_once_is_both_there(new_run: Callable[..., Path]) -> None:
    folder = new_run("digits-vae")

    def count(name: str) -> None:
        for number in range(40):
            runs.update_record(folder, **{name: number})

    threads = [threading.Thread(target=count, args=(name,)) for name in ("note", "status", "device")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record = runs.read_record(folder)
    assert [record[name] for name in ("note", "status", "device")] == [39, 39, 39]


def test_a_name_leaves_settings_that_change_meanwhile(
    new_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run("digits-vae")
    config = runs.read_record(folder)["config"]
    others = {**config, "training": {**config["training"], "epochs": 77}}
    runs_alone = runs._alone

    @contextlib.contextmanager
    def after_another(place: Path) -> Iterator[None]:
        with runs_alone(place):  # somebody else had it before
            (place / runs.RECORD).write_text(json.dumps({**runs.read_record(place), "config": others}))
            yield

    monkeypatch.setattr(runs, "_alone", after_another)
    library.rename(folder, "Mine")
    found = runs.read_config(folder)
    assert (found.title, found.training.epochs) == ("Mine", 77)


@pytest.mark.skipif(os.name == "nt", reason="there a file that is open cannot be deleted")
def test_a_run_cannot_be_resumed_while_it_is_deleted(
    new_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run("digits-vae")
    (folder / "checkpoints").mkdir()
    held = []
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        held.append(locks.is_written(folder))
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    library.remove(folder)
    assert held and all(held) and not folder.exists()


def test_a_training_that_was_killed_is_interrupted(new_run: Callable[..., Path]) -> None:
    folder = new_run("digits-vae")
    runs.update_record(folder, status="training")
    with locks.writing(folder):
        assert runs.card(folder).status == "training" and not runs.card(folder).resumable
        with pytest.raises(RunError, match="stop it first"):
            library.remove(folder)
    card = runs.card(folder)
    assert card.status == "interrupted" and not card.resumable and "before its first checkpoint" in card.problem
    place = runs.checkpoint_folder(folder, 10)
    place.mkdir(parents=True)
    files.write_manifest(place, [])
    assert runs.card(folder).resumable and not runs.card(folder).problem
    library.remove(folder)
    assert not folder.exists()


def test_bundled_models_cannot_be_removed() -> None:
    with pytest.raises(RunError, match="bundled"):
        library.remove(runs.find("digits-vae-2d"))
    assert runs.find("digits-vae-2d").is_dir()


def test_a_folder_that_lost_its_record_is_listed_as_damaged(home: Path) -> None:
    folder = runs.create(load_settings("digits-vae"))
    files.write_manifest(folder, [])
    (folder / runs.RECORD).unlink()
    (paths.library() / "empty").mkdir()
    (paths.library() / "a file").write_text("")
    [card] = [card for card in map(runs.card, runs.folders()) if not card.bundled]
    assert card.path == str(folder) and "run.json is missing" in card.problem and not card.config


# ---- elsewhere -----------------------------------------------------------------------------------------------------


def _outside(tmp_path: Path, name: str) -> Path:
    return runs.create(load_settings("digits-vae"), tmp_path / "disk" / name)


def test_runs_elsewhere_are_remembered_newest_first_and_ten_at_most(tmp_path: Path) -> None:
    made = [_outside(tmp_path, f"r{number}") for number in range(12)]
    for folder in (*made, made[5]):
        elsewhere.remember(folder)
    assert elsewhere.folders() == [made[5], *(folder for folder in reversed(made[2:]) if folder != made[5])]
    assert len(elsewhere.folders()) == elsewhere.MOST == 10
    assert set(elsewhere.folders()) <= set(runs.folders()) and runs.find("r5") == made[5]
    elsewhere.forget(made[5])
    assert made[5] not in runs.folders() and made[5].is_dir()


def test_runs_that_vanished_are_left_out_quietly(tmp_path: Path) -> None:
    stays, goes = _outside(tmp_path, "stays"), _outside(tmp_path, "goes")
    for folder in (goes, stays):
        elsewhere.remember(folder)
    goes.rename(tmp_path / "away")  # as a disk that is taken out
    assert goes not in runs.folders() and stays in runs.folders()
    (tmp_path / "away").rename(goes)
    assert goes in runs.folders(), "it is plugged in again"
    (goes / runs.RECORD).unlink()
    assert goes not in runs.folders(), "no run any more"


def test_runs_of_the_library_are_listed_once(tmp_path: Path) -> None:
    own = runs.create(load_settings("digits-vae"))
    elsewhere.remember(own)
    elsewhere.remember(runs.find("digits-vae-2d"))
    assert elsewhere.folders() == [] and runs.folders().count(own) == 1


@pytest.mark.parametrize("content", ["", "[]", "{", '{"folders": 3}', '{"folders": [1, "", "a\\u0000b", null]}',
                                     '{"folders": ["' + "x" * 5000 + '"]}'])  # fmt: skip
def test_a_list_that_says_anything_is_an_empty_one(content: str) -> None:
    paths.data_home().mkdir(parents=True, exist_ok=True)
    (paths.data_home() / "elsewhere.json").write_text(content, encoding="utf-8")
    assert elsewhere.folders() == [] and runs.folders()
