"""packaging/bootstrap.py: what it finds missing, what it installs and when it need not. Nothing is installed here."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parent.parent
VERSION = "3.11.7 (main)"
CURSOR = "libxcb-cursor.so.0"
CURSOR_LINE = "    sudo apt-get install -y --no-install-recommends libxcb-cursor0"


class Machine:
    """A stand-in for the machine: its checkout, what it lacks, and the commands that were run on it."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root = root
        self.python = python
        self.absent: set[str] = set()
        self.apt_works = True
        self.pip_answer: int | type[BaseException] = 0
        self.venv_works = True
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self.started: list[list[str]] = []

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        """Stand in for subprocess.run."""
        if "-c" in command and "pip" not in command:  # asks for the version of the environment's Python
            whole = self.venv_works and Path(command[0]).exists()
            return subprocess.CompletedProcess(command, 0 if whole else 1, f"{VERSION}\n", "")
        self.commands.append(list(command))
        self.environments.append(options["env"])
        code = 0
        if "venv" in command:
            self.venv_works = True
            self.add_python()
        elif command[:2] == ["apt-get", "install"]:
            code = 0 if self.apt_works else 100
            self.absent = set() if self.apt_works else self.absent
        elif "pip" in command:
            if not isinstance(self.pip_answer, int):
                raise self.pip_answer
            code = self.pip_answer
        return subprocess.CompletedProcess(command, code, b"what it said", b"")

    def start(self, command: list[str]) -> int:
        """Stand in for becoming the command, which ends with exit code 7."""
        self.started.append(command)
        return 7

    def add_python(self) -> None:
        """Put a Python into the environment."""
        self.python.parent.mkdir(parents=True, exist_ok=True)
        self.python.touch()

    def pip_installs(self) -> list[list[str]]:
        """Return what pip was asked to install, and forget it."""
        start = ["-m", "pip", "install", "--no-input", "-c", str(Path("packaging", "constraints.txt"))]
        asked = [command for command in self.commands if "pip" in command]
        assert all(command[:8] == [str(self.python), "-I", *start] for command in asked)
        self.commands.clear()
        return [command[8:] for command in asked]


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", CHECKOUT / "packaging" / "bootstrap.py")
    assert spec is not None and spec.loader is not None
    bootstrap = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    return bootstrap


@pytest.fixture
def machine(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A Linux machine that lacks nothing, whose user is not root, with a checkout without .venv."""
    (tmp_path / "packaging").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "packaging" / "constraints.txt").write_text("torch==2.13.0\n")
    machine = Machine(tmp_path, module.in_venv(tmp_path, "python"))
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "loads", lambda library: library not in machine.absent)
    monkeypatch.setattr(module, "has_font", lambda: "font" not in machine.absent)
    monkeypatch.setattr(module.shutil, "which", lambda name: None if name in machine.absent else f"/usr/bin/{name}")
    monkeypatch.setattr(module.subprocess, "run", machine.run)
    monkeypatch.setattr(module.os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(module.os, "chdir", lambda folder: None)
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module, "start", machine.start)
    return machine


# ---- the command line ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["fly"], ["--test"], ["setup", "--all"], ["setup", "--test", "more"]])
def test_bad_arguments_do_nothing_and_exit_with_2(
    module: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert module.main(arguments) == 2
    assert "usage:" in capsys.readouterr().err
    assert machine.commands == machine.started == []


def test_help_is_printed(module: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert module.main(["--help"]) == 0
    assert "usage:" in capsys.readouterr().out


def test_an_old_python_is_told_which_one_is_needed(
    module: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "MINIMUM", (3, 99))
    assert module.main(["run"]) == 1
    assert f"Python 3.99 or newer is needed, this is 3.{sys.version_info.minor};" in capsys.readouterr().err
    assert machine.commands == []


def test_run_hands_its_arguments_and_exit_code_on(module: ModuleType, machine: Machine) -> None:
    assert module.main(["run", "sample", "digits-ddpm", "--seed", "3"]) == 7
    assert machine.started == [[str(module.in_venv(machine.root, "vdx")), "sample", "digits-ddpm", "--seed", "3"]]


def test_test_starts_pytest_in_the_environment(module: ModuleType, machine: Machine) -> None:
    assert module.main(["test", "-k", "unet"]) == 7
    assert machine.started == [[str(machine.python), "-m", "pytest", "-k", "unet"]]


def test_all_tests_run_on_several_cores_with_one_thread_each(
    module: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 64)
    assert module.main(["test"]) == 7
    assert machine.started == [[str(machine.python), "-m", "pytest", "-n", "4", "--dist", "loadfile"]]
    assert module.os.environ["OMP_NUM_THREADS"] == "1"


def test_setup_starts_nothing(module: ModuleType, machine: Machine) -> None:
    assert module.main(["setup"]) == 0
    assert machine.started == []


# ---- system packages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "test"])
def test_missing_libraries_stop_a_plain_user_with_the_line_to_run(
    module: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    machine.absent = {CURSOR}
    assert module.main([command]) == 1
    said = capsys.readouterr().err
    assert CURSOR_LINE in said.splitlines()
    assert CURSOR in said
    assert machine.commands == machine.started == []


def test_setup_goes_on_without_the_libraries_but_does_not_call_it_done(
    module: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.absent = {CURSOR}
    assert module.main(["setup"]) == 1
    assert CURSOR_LINE in capsys.readouterr().err.splitlines()
    assert machine.pip_installs() == [["torch"], ["-e", "."]]


def test_root_installs_missing_libraries(module: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    machine.absent = {CURSOR, "libEGL.so.1"}
    assert module.main(["run"]) == 7
    assert machine.commands[:2] == [
        ["apt-get", "update"],
        ["apt-get", "install", "-y", "--no-install-recommends", "libegl1", "libxcb-cursor0"],
    ]
    assert machine.environments[1]["DEBIAN_FRONTEND"] == "noninteractive"


def test_root_is_told_when_installing_did_not_help(
    module: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    machine.absent, machine.apt_works = {CURSOR}, False
    assert module.main(["run"]) == 1
    said = capsys.readouterr().err
    assert "what it said" in said
    assert CURSOR_LINE in said.splitlines()


def test_root_without_apt_is_told_what_is_missing(
    module: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    machine.absent = {CURSOR, "apt-get"}
    assert module.main(["run"]) == 1
    assert CURSOR in capsys.readouterr().err
    assert machine.commands == []


def test_a_missing_font_is_only_a_warning(
    module: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.absent = {"font"}
    assert module.main(["run"]) == 7
    assert "fonts-dejavu-core" in capsys.readouterr().err


def test_only_the_tests_need_a_virtual_screen(module: ModuleType, machine: Machine) -> None:
    machine.absent = {"Xvfb", "openbox", "xdotool"}
    assert module.missing_packages(test=False) == []
    assert module.missing_packages(test=True) == ["xvfb", "openbox", "xdotool"]


def test_venv_is_asked_for_only_to_make_an_environment(
    module: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    assert module.missing_packages(test=False) == [f"python3.{sys.version_info.minor}-venv"]
    machine.add_python()
    assert module.missing_packages(test=False) == []


def test_other_systems_need_no_system_packages(
    module: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.sys, "platform", "darwin")
    machine.absent = {CURSOR, "font", "Xvfb"}
    assert module.missing_packages(test=True) == []


def test_a_library_that_does_not_exist_does_not_load(module: ModuleType) -> None:
    assert not module.loads("libthere-is-no-such-library.so.0")


# ---- Python packages -----------------------------------------------------------------------------------------------


def test_torch_comes_first_and_everything_is_constrained(module: ModuleType, machine: Machine) -> None:
    assert module.main(["run"]) == 7
    made, *installs = machine.commands
    assert made[-3:] == ["venv", "--clear", str(machine.root / ".venv")]
    assert not any("index" in word or "://" in word for command in installs for word in command)
    assert {environment["PIP_DISABLE_PIP_VERSION_CHECK"] for environment in machine.environments[1:]} == {"1"}
    assert machine.pip_installs() == [["torch"], ["-e", "."]]


def test_a_second_call_installs_nothing(
    module: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["run"], ["test"]):
        module.main(command)
        machine.commands.clear()
        capsys.readouterr()
        assert module.main(command) == 7
        assert machine.commands == []
        assert capsys.readouterr().err == ""


def test_test_after_run_adds_the_extras_and_run_after_test_installs_nothing(
    module: ModuleType, machine: Machine
) -> None:
    module.main(["run"])
    machine.commands.clear()
    module.main(["test"])
    assert machine.pip_installs() == [["torch"], ["-e", ".[test]"]]
    module.main(["run"])
    module.main(["setup"])
    module.main(["setup", "--test"])
    module.main(["test"])
    assert machine.commands == []


@pytest.mark.parametrize("name", ["pyproject.toml", "packaging/constraints.txt"])
def test_a_change_of_the_requirements_installs_again(module: ModuleType, machine: Machine, name: str) -> None:
    module.main(["run"])
    before = module.digest(machine.root, VERSION, False)
    machine.commands.clear()
    with (machine.root / name).open("a") as file:
        file.write("# changed\n")
    assert module.digest(machine.root, VERSION, False) != before
    module.main(["run"])
    assert machine.pip_installs() == [["torch"], ["-e", "."]]


def test_the_digest_knows_the_python_and_the_extras(module: ModuleType, machine: Machine) -> None:
    assert len({module.digest(machine.root, version, test) for version in "ab" for test in (False, True)}) == 4


def test_what_pip_said_is_shown_when_it_fails_and_no_stamp_is_left(
    module: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    module.main(["run"])
    (machine.root / "pyproject.toml").write_text("[project]\n# changed\n")
    machine.pip_answer = 1
    assert module.main(["run"]) == 1
    said = capsys.readouterr().err
    assert "what it said" in said
    assert "check the network" in said.splitlines()[-1]
    assert module.read_stamp(machine.root) == []
    assert len(machine.started) == 1


def test_an_interrupted_setup_leaves_no_stamp(
    module: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.pip_answer = KeyboardInterrupt
    assert module.main(["run"]) == 130
    assert "run this again" in capsys.readouterr().err
    assert module.read_stamp(machine.root) == []
    machine.pip_answer = 0
    machine.commands.clear()
    assert module.main(["run"]) == 7
    assert machine.pip_installs() == [["torch"], ["-e", "."]]


def test_a_broken_environment_is_made_again(
    module: ModuleType, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    module.main(["run"])
    machine.commands.clear()
    machine.venv_works = False
    assert module.main(["run"]) == 7
    assert "--clear" in machine.commands[0]
    assert "making .venv again" in capsys.readouterr().err


def test_a_moved_checkout_gets_a_new_environment(module: ModuleType, machine: Machine) -> None:
    module.main(["run"])
    machine.commands.clear()
    stamp = module.stamp_file(machine.root)
    stamp.write_text(f"{stamp.read_text().splitlines()[0]}\n/somewhere/else\n")
    module.main(["run"])
    assert "--clear" in machine.commands[0]


def test_an_environment_is_broken_without_a_python_that_runs_and_has_pip(module: ModuleType, tmp_path: Path) -> None:
    assert module.venv_version(tmp_path) is None
    venv.create(tmp_path / ".venv", with_pip=False)
    assert module.venv_version(tmp_path) is None
    pip = Path(next((tmp_path / ".venv").glob("**/site-packages")), "pip.py")
    pip.touch()
    assert module.venv_version(tmp_path) == sys.version
    python = module.in_venv(tmp_path, "python")
    python.unlink()
    python.touch(mode=0o755)
    assert module.venv_version(tmp_path) is None
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    assert module.venv_version(tmp_path) is None


# ---- the files beside it -------------------------------------------------------------------------------------------


def test_the_constraints_pin_everything_that_the_project_names_exactly() -> None:
    lines = (CHECKOUT / "packaging" / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    named = {canonicalize_name(pin.partition("==")[0]): pin.partition("==")[2] for pin in pins}
    assert len(named) == len(pins)
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["test"]]
    for requirement in map(Requirement, [*asked, *project["build-system"]["requires"]]):
        assert requirement.specifier.contains(named[canonicalize_name(requirement.name)]), requirement


def test_the_folder_of_bootstrap_is_no_package() -> None:
    assert not (CHECKOUT / "packaging" / "__init__.py").exists()  # it would hide the library of that name


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_the_checks_can_be_started() -> None:
    assert os.access(CHECKOUT / ".ci" / "run", os.X_OK)
