"""The run folder: made, listed, found, measured, and safe to read whatever happened to it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer import files, metrics, paths, runs
from explorer.errors import RunError
from explorer.messages import Measurement
from explorer.settings import load_settings


def measurement(step: int) -> Measurement:
    return Measurement(step, step / 10, 0.5 * step, "train", {"elbo": -1.5 * step, "kl": 2.0}, (1.0, 0.25))


def test_measurements_come_back(tmp_path: Path) -> None:
    written = [measurement(step) for step in (1, 2, 3)]
    for one in written:
        metrics.append(tmp_path, one)
    assert list(metrics.measurements(tmp_path)) == written


def test_torn_last_line_is_ignored_wherever_it_is_cut(tmp_path: Path) -> None:
    for step in (1, 2):
        metrics.append(tmp_path, measurement(step))
    path = tmp_path / metrics.METRICS
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert list(metrics.measurements(tmp_path)) in ([measurement(1)], [measurement(1), measurement(2)])


def test_measurements_after_a_step_are_forgotten(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        metrics.append(tmp_path, measurement(step))
    metrics.cut(tmp_path, 20)
    assert [found.step for found in metrics.measurements(tmp_path)] == [10, 20]


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
    ],
)
def test_a_record_of_odd_types_is_listed_all_the_same(
    new_run: Callable[..., Path], changes: dict[str, object], capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    from explorer.cli import main
    from explorer.ui.models_page import figures, tags

    folder = runs.create(load_settings("digits-vae"))
    record = json.loads((folder / runs.RECORD).read_text())
    (folder / runs.RECORD).write_text(json.dumps({**record, **changes}))
    card = runs.card(folder)
    assert isinstance(card.parameters, int) and figures(card) and tags(card)
    assert main(["list", "--json"]) == 0
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


def test_odd_measurements_are_passed_over(tmp_path: Path) -> None:
    good = '{"step":1,"epoch":0.1,"seconds":1,"split":"train","elbo":-3}'
    odd = [good.replace("1,", '"x",', 1), good.replace('"train"', "[]"), good.replace("-3", "[1]"), "[]", "1e400", good]
    (tmp_path / metrics.METRICS).write_text("\n".join(odd) + "\n")
    assert [found.values["elbo"] for found in metrics.measurements(tmp_path)] == [-3.0]


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
