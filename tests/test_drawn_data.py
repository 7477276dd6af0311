"""Data sets that a person has drawn: kept, read, standardized, trained on, and every bad file refused in words."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from explorer import paths, runs
from explorer.config import DataConfig
from explorer.data import drawn
from explorer.data.catalog import CATALOG, here, load
from explorer.errors import DataError, RunError
from explorer.settings import load_settings, with_settings

LINE = np.stack([np.linspace(-2, 2, 120), np.linspace(1, -1, 120)], axis=1)


def file(text: str | bytes, name: str = "mine") -> Path:
    """Return a file in the place where drawings are kept."""
    path = drawn.folder() / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(count: int = 40) -> list[str]:
    return [f"{number / 10},{number % 7}" for number in range(count)]


# ---- keeping and reading -------------------------------------------------------------------------------------------


def test_what_is_kept_is_read_back_and_found_by_name() -> None:
    assert drawn.names() == []
    assert drawn.keep("My Heart ♥", LINE) == "my-heart"
    assert drawn.names() == ["my-heart"] and drawn.available("my-heart")
    assert np.allclose(drawn.read("my-heart"), LINE, rtol=1e-5, atol=1e-5)
    assert drawn.folder().is_relative_to(paths.data_home())


def test_a_drawing_never_changes_under_a_model_that_learned_from_it() -> None:
    assert drawn.keep("line", LINE) == "line"
    assert drawn.keep("line", LINE) == "line", "the same points need no second file"
    assert drawn.keep("line", LINE[::2]) == "line-2"
    assert len(drawn.read("line")) == 120 and len(drawn.read("line-2")) == 60


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ö l", "o-l"), ("../../etc", "etc"), ("CON", "points-con"), ("  ", ""), ("🙂", ""), ("7", "points-7"),
        ("2026-11-21", "points-2026-11-21"), ("true", "points-true"), ("a" * 300, "a" * 40),
    ],
)  # fmt: skip
def test_any_text_becomes_a_plain_name(text: str, name: str) -> None:
    assert drawn.plain_name(text) == name
    assert drawn.plain_name(name) == name


def test_a_model_gets_them_standardized_and_shuffled_with_a_sixth_for_tests() -> None:
    drawn.keep("line", 100 * LINE + 7)
    data = load(DataConfig(name="drawn", drawn="line"))
    assert data.values.shape == (120, 1, 1, 2) and data.train_items == 100 and data.shape == CATALOG["drawn"].shape
    points = data.values.reshape(-1, 2).astype(np.float64)
    assert np.allclose(points.mean(axis=0), 0, atol=1e-6)
    assert points.var(axis=0).mean() == pytest.approx(1)
    assert points[:, 0].std() / points[:, 1].std() == pytest.approx(2), "both axes are scaled alike"
    assert not np.all(np.diff(points[:, 0]) > 0)
    again = load(DataConfig(name="drawn", drawn="line"))
    assert again.fingerprint() == data.fingerprint()


@pytest.mark.parametrize("text", ["x,y\n", "x;y\r\n", "\ufeffx y\n", ""])
def test_tables_of_other_programs_are_read(text: str, tmp_path: Path) -> None:
    separator = ";" if ";" in text else " " if "x y" in text else ","
    path = tmp_path / "table.txt"
    path.write_text(text + "\n".join(row.replace(",", separator) for row in rows()) + "\n\n", encoding="utf-8")
    assert drawn.read_csv(path).shape == (40, 2)


# ---- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has 0 points"),
        ("x,y\n1,2\n", "has 1 points"),
        ("\n".join([*rows(), "1,2,3"]), "line 41"),
        ("\n".join([*rows(), "nan,1"]), "line 41"),
        ("\n".join([*rows(), "inf,1"]), "line 41"),
        ("\n".join([*rows(), "1e300,1"]), "line 41"),
        ("\n".join([*rows(), "one,two"]), "line 41"),
        ("\n".join(["x,y", "u,v", *rows()]), "line 2"),
        ("\n".join(["3,3"] * 50), "at one place"),
        (b"\xff\xfe\x00garbage\x00", "UTF-8"),
        (b"\x00" * 3_000_000, "larger than"),
        ("\n".join(rows(drawn.MOST + 1)), f"has {drawn.MOST + 1} points"),
    ],
)
def test_a_bad_file_is_refused_by_name(content: str | bytes, words: str) -> None:
    path = file(content)
    with pytest.raises(DataError, match=words) as refused:
        load(DataConfig(name="drawn", drawn="mine"))
    assert str(path) in str(refused.value)


def test_far_too_many_rows_are_refused_before_any_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    path = file("1,2\n" * 400_000)
    monkeypatch.setattr(drawn, "_row", lambda line: pytest.fail(f"{line} is read"))
    with pytest.raises(DataError, match="has 400000 rows; keep at most 20000") as refused:
        drawn.read_csv(path)
    assert str(path) in str(refused.value)


def test_as_many_rows_as_there_may_be_are_read_with_names_and_empty_lines() -> None:
    assert len(drawn.read_csv(file("\n\n".join(["x,y", *rows(drawn.MOST), ""])))) == drawn.MOST


def test_what_is_no_drawing_is_refused_with_what_there_is(tmp_path: Path) -> None:
    drawn.keep("line", LINE)
    for name, words in (
        ("", "empty"),
        ("../line", "cannot be the name"),
        ("lines", "there is no drawn data set lines"),
    ):
        with pytest.raises(DataError, match=words) as refused:
            load(DataConfig(name="drawn", drawn=name))
        assert "line" in str(refused.value)
        assert not here(DataConfig(name="drawn", drawn=name))
    with pytest.raises(DataError, match="no plain file"):
        drawn.read_csv(tmp_path)
    with pytest.raises(DataError, match="finite"):
        drawn.keep("nan", np.full((50, 2), np.nan))
    with pytest.raises(DataError, match="has 3 points"):
        drawn.keep("few", LINE[:3])
    assert drawn.names() == ["line"]


def test_a_folder_that_cannot_be_written_says_so() -> None:
    paths.data_home().mkdir(parents=True)
    (paths.data_home() / "data").write_text("a file in the way")
    with pytest.raises(RunError, match="cannot be written"):
        drawn.keep("line", LINE)


# ---- training ------------------------------------------------------------------------------------------------------


def trained_on(name: str, *changes: str) -> Path:
    from explorer.training.loop import train
    from explorer.training.prepare import new_run

    small = ["model.hidden_units=16", "model.timesteps=20", "training.epochs=2", "training.batch_size=32"]
    small += ["training.precision=float32", "training.device=cpu", "data.name=drawn", f"data.drawn={name}"]
    folder = new_run(with_settings(load_settings("points-ddpm"), [*small, *changes]))
    for _ in train(folder):
        pass
    return folder


def test_a_model_trained_on_a_drawing_opens_also_when_the_drawing_has_vanished() -> None:
    from explorer.chain_messages import FieldRequest
    from explorer.config import Sampling
    from explorer.inference import score_field
    from explorer.inference.session import ModelSession

    folder = trained_on(drawn.keep("line", LINE))
    session = ModelSession.open(folder, "cpu")
    assert len(session.test_items()[0]) == 20
    assert len(score_field.data_points(session, 1).points) == 100
    for gone in (lambda path: path.write_text("damaged"), Path.unlink):
        gone(drawn.path_of("line"))
        session = ModelSession.open(folder, "cpu")
        told = score_field.data_points(session, 2)
        assert not len(told.points) and "line" in told.problem
        field = score_field.score_field(session, FieldRequest(1, 3, Sampling()))
        assert not len(field.exact) and np.isnan(field.error) and np.isfinite(field.learned).all()
        own = session.test_items()[0]
        assert own.shape[1:] == (1, 1, 2) and np.isfinite(own).all(), "its own samples stand in"
        assert session.gallery().pixels.shape == (1, 96, 96, 1)
    assert runs.card(folder).dataset == "drawn"


def test_a_drawing_that_has_changed_is_not_held_against_a_model_of_the_old_one() -> None:
    from explorer.chain_messages import FieldRequest
    from explorer.config import Sampling
    from explorer.inference import score_field
    from explorer.inference.session import ModelSession

    folder = trained_on(drawn.keep("line", LINE))
    path = drawn.path_of("line")
    old = path.read_bytes()
    file("\n".join(rows(120)), "line")
    session = ModelSession.open(folder, "cpu")
    told = score_field.data_points(session, 1)
    assert not len(told.points) and "line has changed" in told.problem
    field = score_field.score_field(session, FieldRequest(2, 3, Sampling()))
    assert not len(field.exact) and np.isnan(field.error) and np.isfinite(field.learned).all()
    path.write_bytes(old)
    assert len(score_field.data_points(session, 3).points) == 100, "the old one is back"


def test_the_command_trains_on_a_drawing_and_names_those_there_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from explorer.cli import main

    drawn.keep("line", LINE)
    assert main(["list"]) == 0
    assert "line" in capsys.readouterr().out.partition("drawn by you")[2]
    small = ["model.hidden_units=16", "model.timesteps=20", "training.epochs=1", "training.batch_size=32"]
    sets = [part for change in [*small, "data.drawn=line"] for part in ("--set", change)]
    out = tmp_path / "run"
    assert main(["train", "points-ddpm", "--data", "drawn", *sets, "--out", str(out), "--device", "cpu"]) == 0
    assert runs.read_config(out).data.drawn == "line"
    capsys.readouterr()
    wrong = [part.replace("drawn=line", "drawn=lime") for part in sets]
    assert main(["train", "points-ddpm", "--data", "drawn", *wrong, "--out", str(tmp_path / "other")]) != 0
    assert "there is no drawn data set lime" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_runs_of_two_drawings_are_not_compared_as_one(new_run: Callable[..., Path]) -> None:
    from explorer.comparison import _which

    one, other = (with_settings(load_settings("points-ddpm"), ["data.name=drawn", f"data.drawn={n}"]) for n in "ab")
    assert _which(one) != _which(other)
