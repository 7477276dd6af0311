"""Settings and command lines that cannot be: each is refused by name and with a remedy, before data or a network is
made, and nothing is written. The numbers are those of the list of bad inputs that the app must survive.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import library, paths, runs
from explorer.cli import main
from explorer.config import RunConfig
from explorer.errors import ConfigError, RunError
from explorer.files import check_place
from explorer.messages import Failure
from explorer.settings import load_settings, with_settings
from explorer.ui.main_window import MainWindow
from explorer.ui.train_page import TrainPage
from tests.test_cli import fails

Until = Callable[[Callable[[], bool]], None]
NewRun = Callable[..., Path]
DIGITS = "9" * 5000


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in an empty folder; at the end, see that nothing was written there or to the library."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    assert not list(folder.rglob("*")), "nothing written"
    assert not paths.library().exists() or not list(paths.library().iterdir())


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where data is loaded or a trainer is made."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("memory was taken before the input was refused")

    for name in ("data.catalog._read", "data.catalog._kept_in_memory", "training.trainer.Trainer.__init__"):
        monkeypatch.setattr(f"explorer.{name}", never)


# ---- 54, 56, 57, 59, 60: values that cannot be ---------------------------------------------------------------------

VALUES = {
    "54 lr = NaN": ("digits-vae", "training", "learning_rate", "nan", "a number above 0"),
    "54 lr = -NaN": ("digits-vae", "training", "learning_rate", "-nan", "a number above 0"),
    "54 lr = infinity": ("digits-vae", "training", "learning_rate", "inf", "a number above 0"),
    "54 lr = 1e999": ("digits-vae", "training", "learning_rate", "1e999", "a number above 0"),
    "54 lr = 0": ("digits-vae", "training", "learning_rate", "0", "above 0"),
    "56 seed of 5000 hexadecimal digits": ("digits-vae", "training", "seed", f"0x{'f' * 5000}", "from 0 to 9"),
    "57 batch 0": ("digits-vae", "training", "batch_size", "0", "from 1 to 65"),
    "57 batch -1": ("digits-vae", "training", "batch_size", "-1", "from 1 to 65"),
    "57 batch true": ("digits-vae", "training", "batch_size", "true", "a whole number from 1"),
    "57 batch 1.5": ("digits-vae", "training", "batch_size", "1.5", "a whole number from 1"),
    "59 latent size 0": ("digits-vae", "model", "latent_size", "0", "from 1 to 512"),
    "59 latent sizes 0": ("digits-ladder", "model", "latent_sizes", "[8, 0]", "each from 1 to 512"),
    "60 T = 0": ("digits-ddpm", "model", "timesteps", "0", "from 1 to 10"),
    "60 T = 10^9": ("digits-ddpm", "model", "timesteps", "1000000000", "from 1 to 10"),
}


@pytest.mark.parametrize("what", VALUES)
@pytest.mark.usefixtures("no_memory", "place")
def test_values_that_cannot_be_are_refused(
    what: str, tmp_path: Path, new_run: NewRun, capsys: pytest.CaptureFixture[str]
) -> None:
    preset, section, name, value, words = VALUES[what]
    said = f"{section}.{name}"
    fails(capsys, 2, said, "train", preset, "--set", f"{said}={value}")
    fails(capsys, 2, words, "train", preset, "--set", f"{said}={value}", "--device", "cpu")
    settings = tmp_path / "mine.toml"
    family = f'family = "{load_settings(preset).model.family}"\n' if section == "model" else ""
    settings.write_text(f"[{section}]\n{family}{name} = {value}\n")
    fails(capsys, 2, f"{settings}: {said}", "train", str(settings))
    fails(capsys, 2, words, "train", str(settings))
    if "hexadecimal" in what:
        return  # JSON has no such numbers
    folder = new_run(preset)
    spoil(folder, section, name, value)
    before = (folder / runs.RECORD).read_bytes()
    fails(capsys, 2, str(folder / runs.RECORD), "train", "--resume", str(folder))
    assert (folder / runs.RECORD).read_bytes() == before


def spoil(folder: Path, section: str, name: str, value: str) -> None:
    """Write a value into the settings of a run as it is, also if JSON does not know it."""
    record = runs.read_record(folder)
    record["config"][section][name] = "@"
    known = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity"}
    (folder / runs.RECORD).write_text(json.dumps(record).replace('"@"', known.get(value, value)))


@pytest.mark.usefixtures("no_memory", "place")
def test_56_a_number_of_5000_digits(tmp_path: Path, new_run: NewRun, capsys: pytest.CaptureFixture[str]) -> None:
    fails(capsys, 2, "training.seed", "train", "digits-vae", "--set", f"training.seed={DIGITS}")
    fails(capsys, 2, "training.epochs", "train", "digits-vae", "--set", f"training.epochs=-{DIGITS}")
    fails(capsys, 2, "title", "train", "digits-vae", "--set", f"title={DIGITS}")
    fails(capsys, 2, "no whole number", "sample", "digits-vae-2d", "--seed", DIGITS)
    fails(capsys, 2, "no whole number", "sample", "digits-vae-2d", "-n", DIGITS)
    settings = tmp_path / "mine.toml"
    settings.write_text(f"[training]\nseed = {DIGITS}\n")
    fails(capsys, 2, f"{settings} is not readable TOML", "train", str(settings))
    folder = new_run("digits-vae")
    spoil(folder, "training", "seed", DIGITS)
    fails(capsys, 2, "is not readable JSON", "train", "--resume", str(folder))
    fails(capsys, 1, "is not readable JSON", "sample", str(folder))
    assert runs.card(folder).problem, "the library opens and says so"


# ---- 55 duplicate keys ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_memory", "place")
def test_55_a_key_twice(tmp_path: Path, new_run: NewRun, capsys: pytest.CaptureFixture[str]) -> None:
    folder = new_run("digits-vae")
    good = (folder / runs.RECORD).read_text()
    for once, twice in (('"beta": 1.0', '"beta": 1.0, "beta": 2.0'), ('"metrics"', '"metrics": {}, "metrics"')):
        assert once in good
        (folder / runs.RECORD).write_text(good.replace(once, twice, 1))
        fails(capsys, 2, "the same key twice", "train", "--resume", str(folder))
        assert "the same key twice" in runs.card(folder).problem
        with pytest.raises(RunError, match="the same key twice"):
            library.rename(folder, "Another name")
        assert twice in (folder / runs.RECORD).read_text(), "left as it was"
    settings = tmp_path / "mine.toml"
    for text in ("[training]\nepochs = 1\nepochs = 2\n", "[training]\n[training]\n", "title = 'a'\ntitle = 'b'\n"):
        settings.write_text(text)
        fails(capsys, 2, f"{settings} is not readable TOML", "train", str(settings))


# ---- 58 batch > data -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("place")
def test_58_a_batch_larger_than_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    train = ["train", "digits-vae", "--device", "cpu", "--set"]
    fails(capsys, 2, "1500 training items of digits; set it to 1500", *train, "training.batch_size=1501")
    fails(capsys, 2, "training.batch_size = 64 is more than the 10", *train, "data.items=10")


def test_58_a_batch_of_all_data_is_none_too_large(tmp_path: Path) -> None:
    small = [
        "data.items=10", "training.batch_size=10", "training.epochs=1", "training.precision=float32",
        "model.hidden_units=8",
    ]  # fmt: skip
    words = [word for change in small for word in ("--set", change)]
    assert main(["train", "digits-vae", "--device", "cpu", *words, "--out", str(tmp_path / "run")]) == 0


# ---- 61 devices ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_memory", "place")
@pytest.mark.parametrize(
    "command",
    [
        ["train", "digits-vae"], ["sample", "digits-vae-2d"], ["traverse", "digits-vae-2d"],
        ["denoise", "digits-ddpm"], ["evaluate", "digits-vae-2d"],
    ],
)  # fmt: skip
def test_61_a_device_that_is_not_there(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    fails(capsys, 2, "there is no device cuda:99 here; this machine has", *command, "--device", "cuda:99")


@pytest.mark.usefixtures("no_memory", "place")
def test_61_what_is_no_device(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("cuda:1000", "cuda:-1", "cuda:", "gpu", 'cpu"', "", "CUDA"):
        fails(capsys, 2, "training.device", "train", "digits-vae", "--set", f"training.device={name}")


@pytest.mark.usefixtures("no_memory", "place")
def test_61_a_run_of_another_machine(new_run: NewRun, capsys: pytest.CaptureFixture[str]) -> None:
    folder = new_run("digits-vae", 'training.device="cuda:99"')
    fails(capsys, 2, "there is no device cuda:99", "train", "--resume", str(folder))


# ---- 62, 63, 64: files and names -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_memory", "place")
def test_62_resume_on_what_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("file", "file/run", "pipe", "dangling", "nowhere"):
        fails(capsys, 2, f"there is no run folder {tmp_path / name}", "train", "--resume", str(tmp_path / name))
    fails(capsys, 2, "run.json is missing; choose another run", "train", "--resume", str(tmp_path))
    fails(capsys, 2, "cannot be looked at", "train", "--resume", "x" * 300)
    assert file.read_text() == "mine"


@pytest.mark.usefixtures("no_memory", "place")
def test_63_out_where_a_file_is_above(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for out in (file, file / "run", file / "deep" / "run"):
        fails(capsys, 2, f"{file} is a file; choose a folder", "train", "digits-vae", "--out", str(out))
    fails(capsys, 2, "there is no folder", "sample", "digits-vae-2d", "--out", str(file / "s.png"))
    fails(capsys, 2, "there is no folder", "screenshot", "models", "--out", str(file / "s.png"))
    assert file.read_text() == "mine"


@pytest.mark.usefixtures("no_memory", "place")
def test_63_a_library_that_cannot_be(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.write_text("a file where the library should be")
    fails(capsys, 2, f"{home} is a file; choose a folder", "train", "digits-vae")
    home.unlink()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for root")
@pytest.mark.usefixtures("no_memory", "place")
def test_63_out_in_a_read_only_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o500)
    try:
        fails(capsys, 2, "is read-only; choose a folder", "train", "digits-vae", "--out", str(folder / "run"))
        fails(capsys, 2, "is read-only; choose a folder", "train", "digits-vae", "--out", str(folder))
        fails(capsys, 2, "cannot be written", "sample", "digits-vae-2d", "--out", str(folder / "s.png"))
    finally:
        folder.chmod(0o700)
    assert not list(folder.iterdir())


@pytest.mark.usefixtures("no_memory", "place")
def test_64_names_that_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    train = ["train", "digits-vae", "--out"]
    fails(capsys, 2, "is not empty; choose another", *train, "..")
    for name in ("CON", "con", "nul.run", "COM1", "deep/LPT9"):
        fails(capsys, 2, "a name that Windows keeps for a device; choose another", *train, name)
    for name in ("x" * 300, f"deep/{'x' * 300}", f"{'x' * 300}/run"):
        fails(capsys, 2, "its name has 300 letters; choose one that is shorter", *train, name)
    fails(capsys, 2, "cannot be written", "sample", "digits-vae-2d", "--out", f"{'x' * 300}.png")
    fails(capsys, 2, "title", "train", "digits-vae", "--set", f"title={'x' * 300}")
    fails(capsys, 2, "control characters", "train", "digits-vae", "--set", 'title="a\\nb"')
    for name in ("..", "CON", "x" * 300):
        fails(capsys, 2, "there is no model" if len(name) < 300 else "cannot be looked at", "sample", name)


@given(
    st.one_of(st.sampled_from(["..", ".", "CON", "nul", "/", "~", "COM1", "x" * 80, "β", " "]), st.text(max_size=80))
)
def test_64_any_title_gives_a_folder_name(title: str) -> None:
    name = runs.slug(title)
    assert name and len(name) <= 70 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    check_place(Path(name))


def test_64_titles_of_runs_are_titles_only(new_run: NewRun) -> None:
    folder = new_run("digits-vae")
    for title in ("..", "CON"):
        library.rename(folder, title)
        assert runs.card(folder).title == title and folder.is_dir()
        made = runs.create(runs.read_config(folder))
        assert made.parent == paths.library() and made.name.startswith(("run-", "con-run-"))
    before = (folder / runs.RECORD).read_bytes()
    for title in ("x" * 300, "", "a\nb"):
        with pytest.raises(ConfigError, match="1 to 80 letters"):
            library.rename(folder, title)
    assert (folder / runs.RECORD).read_bytes() == before


# ---- 65 a future version -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_memory", "place")
@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("2", "newer version (schema 2); update the app"), ("1e9", "no schema version"), ("true", "no schema version"),
        ('"1"', "no schema version"), ("0", "no schema version"), ("-1", "no schema version"), ("null", "no schema"),
        (str(2**70), "newer version"), (DIGITS, "is not readable JSON"),
    ],
)  # fmt: skip
def test_65_a_future_schema_version(
    version: str, words: str, new_run: NewRun, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = new_run("digits-vae")
    record = (folder / runs.RECORD).read_text()
    (folder / runs.RECORD).write_text(record.replace('"schema_version": 1', f'"schema_version": {version}', 1))
    before = (folder / runs.RECORD).read_bytes()
    fails(capsys, 2, words, "train", "--resume", str(folder))
    fails(capsys, 1, words, "sample", str(folder))
    assert words in runs.card(folder).problem
    for change in (lambda: library.rename(folder, "Mine"), lambda: library.annotate(folder, "a note")):
        with pytest.raises(RunError):
            change()
    assert (folder / runs.RECORD).read_bytes() == before


@pytest.mark.usefixtures("no_memory", "place")
def test_65_settings_of_a_future_version(tmp_path: Path, new_run: NewRun, capsys: pytest.CaptureFixture[str]) -> None:
    folder = new_run("digits-vae")
    record = runs.read_record(folder)
    for change, words in (
        ({"model": {"family": "flow"}}, "must have a family: autoencoder, vae"),
        ({"model": 3}, "model = 3: must be a section of settings"),
        ({"training": []}, "training = []: must be a section of settings"),
        ({"optimizer": {"name": "lion"}}, "there is no setting optimizer"),
        ({"training": {"epochs": 3, "sharpness": 1}}, "there is no setting training.sharpness"),
    ):
        (folder / runs.RECORD).write_text(json.dumps({**record, "config": {**record["config"], **change}}))
        fails(capsys, 2, words, "train", "--resume", str(folder))


# ---- names that are nearly right -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meant", "arguments"),
    [
        ("digits-vae", ["train", "digits-vea"]),
        ("digits-ddpm", ["train", "digit-ddpm"]),
        ("training.learning_rate", ["train", "digits-vae", "--set", "training.lr=1"]),
        ("training.batch_size", ["train", "digits-vae", "--set", "batch_size=8"]),
        ("model.latent_size", ["train", "digits-vae", "--set", "model.latent_dim=8"]),
        ("convolutional", ["train", "digits-vae", "--set", "model.network=convolution"]),
        ("hierarchical", ["train", "digits-vae", "--set", "model.family=hierachical"]),
        ("mnist", ["train", "digits-vae", "--data", "minst"]),
        ("digits", ["evaluate", "digits-vae-2d", "--data", "digit"]),
        ("digits-vae-2d", ["sample", "digits-vae2d"]),
        ("digits-ddpm", ["screenshot", "train", "--model", "digits-dppm"]),
    ],
)
@pytest.mark.usefixtures("no_memory", "place")
def test_the_nearest_name_is_offered(meant: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    fails(capsys, 2, f"did you mean {meant}?", *arguments)


# ---- in the window -------------------------------------------------------------------------------------------------


@pytest.fixture
def page(window: MainWindow) -> TrainPage:
    shown = window.show_page("train")
    assert isinstance(shown, TrainPage)
    shown.form.set_config(with_settings(load_settings("digits-vae"), ["model.hidden_units=8", "training.epochs=1"]))
    shown.form.set_value("training.device", "cpu")
    return shown


def trains(page: TrainPage, until: Until) -> bool:
    """Return whether the page goes on: a training runs to its end."""
    page.start()
    until(lambda: not page.running)
    return bool(list(paths.library().glob("*/manifest.json")))


def test_the_form_refuses_values_in_place(page: TrainPage, problems: list[Failure]) -> None:
    for preset, section, name, value, words in VALUES.values():
        page.form.set_config(load_settings(preset))
        page.form.set_value(f"{section}.{name}", value)
        row = page.form.rows[f"{section}.{name}"]
        assert words in row.message.text() and row.message.isVisible()
        page.start()
        assert not page.running and "not started" in page.state.line.text() and row.name in page.state.line.text()
        assert not problems and not paths.library().exists(), "it is said where it is, and once"


@pytest.mark.parametrize(
    ("change", "words"),
    [(["training.batch_size=1501"], "set it to 1500 or less"), (['training.device="cuda:99"'], "there is no device")],
    ids=["58", "61"],
)
def test_the_window_shows_it_and_goes_on(
    page: TrainPage, until: Until, problems: list[Failure], change: list[str], words: str
) -> None:
    good = page.form.config()
    page.form.set_config(with_settings(good, change))
    page.start()
    until(lambda: bool(problems or page.form.problems) and not page.running)
    told = [*page.form.problems.values(), *(problem.text for problem in problems)]
    assert any(words in text for text in told)
    assert not paths.library().exists() or not list(paths.library().iterdir()), "no dead run folder"
    page.form.set_config(good)
    assert trains(page, until)


def test_the_window_shows_broken_runs_and_goes_on(
    window: MainWindow, page: TrainPage, until: Until, problems: list[Failure], new_run: NewRun
) -> None:
    shown: RunConfig = page.form.config()
    for spoiled, words in (
        ('"schema_version": 2', "newer version"), ('"schema_version": 1, "schema_version": 1', "same key twice"),
        (f'"schema_version": {DIGITS}', "not readable JSON"),
    ):  # fmt: skip
        folder = new_run("digits-vae")
        record = (folder / runs.RECORD).read_text()
        (folder / runs.RECORD).write_text(record.replace('"schema_version": 1', spoiled, 1))
        window.show_training(str(folder))
        assert words in problems[-1].text
    for section, name, value in (("training", "batch_size", "0"), ("model", "latent_size", "0")):
        folder = new_run("digits-vae")
        spoil(folder, section, name, value)
        window.show_training(str(folder))
        assert f"{section}.{name} = 0" in problems[-1].text
    assert page.form.config() == shown, "what was there stays"
    assert trains(page, until)
