#!/usr/bin/env python3
"""Set the checkout up in its own .venv, then start the app or the tests. Needs nothing but Python 3.11 or newer.

usage: python3 packaging/bootstrap.py run [ARGUMENT ...]    run vdx; without arguments the window opens
       python3 packaging/bootstrap.py test [ARGUMENT ...]   run pytest in the checkout's root
       python3 packaging/bootstrap.py setup [--test]        only set up

The first call installs what is missing; later calls start at once. To begin anew, delete the folder .venv.
"""

from __future__ import annotations  # so that an older Python gets as far as saying that it is too old

import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

MINIMUM = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = Path("packaging", "constraints.txt")

# What Qt loads at run time, by Debian package. Asking the loader for the file works on every distribution.
LIBRARIES = {
    "libegl1": "libEGL.so.1",
    "libgl1": "libGL.so.1",
    "libglib2.0-0": "libgthread-2.0.so.0",
    "libxkbcommon-x11-0": "libxkbcommon-x11.so.0",
    "libxcb-cursor0": "libxcb-cursor.so.0",
    "libxcb-icccm4": "libxcb-icccm.so.4",
    "libxcb-keysyms1": "libxcb-keysyms.so.1",
    "libxcb-shape0": "libxcb-shape.so.0",
    "libxcb-xinerama0": "libxcb-xinerama.so.0",
    "libxcb-image0": "libxcb-image.so.0",
    "libxcb-render-util0": "libxcb-render-util.so.0",
    "libxcb-randr0": "libxcb-randr.so.0",
    "libdbus-1-3": "libdbus-1.so.3",
    "libfontconfig1": "libfontconfig.so.1",
}
MOST_PROCESSES = 4  # of the tests: each takes up to 2 GB
PROGRAMS = {"xvfb": "Xvfb", "openbox": "openbox", "xdotool": "xdotool"}  # what tests on a screen start
FONT = "fonts-dejavu-core"
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))

# The environment is whole if its Python runs, is new enough, belongs to an environment and has pip.
_PROBE = f"import sys, pip; assert sys.prefix != sys.base_prefix and sys.version_info >= {MINIMUM}; print(sys.version)"


class SetupError(Exception):
    """Setting up failed; the message says what to do."""


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"bootstrap: {text}", file=sys.stderr, flush=True)


def succeeds(command: Sequence[str], environment: Mapping[str, str] | None = None) -> bool:
    """Run a command in the checkout's root and return whether it did well; its output is shown only if it failed."""
    whole = {**os.environ, **(environment or {})}
    done = subprocess.run(command, cwd=ROOT, env=whole, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        print((done.stdout + done.stderr).decode(errors="replace"), file=sys.stderr)
        say(f"failed with exit code {done.returncode}: {' '.join(command)}")
    return done.returncode == 0


# ---- system packages -----------------------------------------------------------------------------------------------


def loads(library: str) -> bool:
    """Return whether the system finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_font() -> bool:
    """Return whether the DejaVu fonts are installed."""
    return any(next(folder.rglob("DejaVuSans.ttf"), None) for folder in FONT_FOLDERS)


def missing_packages(test: bool) -> list[str]:
    """Return the Debian packages whose libraries, programs and fonts this Linux lacks; elsewhere none."""
    if sys.platform != "linux":
        return []
    missing = [package for package, library in LIBRARIES.items() if not loads(library)]
    if test:
        missing += [package for package, program in PROGRAMS.items() if shutil.which(program) is None]
    if not has_font():
        missing.append(FONT)
    if not in_venv(ROOT, "python").exists() and importlib.util.find_spec("ensurepip") is None:
        missing.append(f"python3.{sys.version_info.minor}-venv")
    return missing


def advice(missing: Sequence[str]) -> str:
    """Return what to do about missing system packages, with the line to run."""
    files = {**LIBRARIES, **PROGRAMS, FONT: "DejaVuSans.ttf"}
    held = ", ".join(files.get(package, package) for package in missing)
    line = f"sudo apt-get install -y --no-install-recommends {' '.join(missing)}"
    return f"missing: {held}\nInstall the system packages that hold these; on Debian and Ubuntu:\n    {line}"


def provide_system(test: bool) -> list[str]:
    """Install missing system packages where that is allowed, and return those still missing."""
    missing = missing_packages(test)
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing system packages: {' '.join(missing)}")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        succeeds(["apt-get", "update"], quiet)  # one broken source need not matter
        succeeds(["apt-get", "install", "-y", "--no-install-recommends", *missing], quiet)
        missing = missing_packages(test)
    return missing


# ---- Python packages -----------------------------------------------------------------------------------------------


def in_venv(root: Path, name: str) -> Path:
    """Return the path of a program in the checkout's virtual environment."""
    return root / ".venv" / "Scripts" / f"{name}.exe" if os.name == "nt" else root / ".venv" / "bin" / name


def venv_version(root: Path) -> str | None:
    """Return the version of the virtual environment's Python, or None if there is no working environment."""
    command = [str(in_venv(root, "python")), "-I", "-c", _PROBE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def stamp_file(root: Path) -> Path:
    """Return the path of the stamp: the digest of what is installed, and the folder that it was installed for."""
    return root / ".venv" / "bootstrap.stamp"


def digest(root: Path, version: str, test: bool) -> str:
    """Return a SHA-256 over everything that decides what is installed."""
    parts = [(root / name).read_bytes() for name in (Path("pyproject.toml"), CONSTRAINTS)]
    parts += [version.encode(), b"test" if test else b""]
    hashes = [hashlib.sha256(part).digest() for part in parts]
    return hashlib.sha256(b"".join(hashes)).hexdigest()


def read_stamp(root: Path) -> list[str]:
    """Return the lines of the stamp; none if there is no stamp."""
    stamp = stamp_file(root)
    return stamp.read_text(encoding="utf-8", errors="replace").splitlines() if stamp.exists() else []


def is_installed(root: Path, version: str, test: bool) -> bool:
    """Return whether the stamp says that everything is there; what the tests need holds what the app needs."""
    enough = {digest(root, version, True)} | (set() if test else {digest(root, version, False)})
    return not enough.isdisjoint(read_stamp(root)[:1])


def make_venv(root: Path) -> str:
    """Make the virtual environment if there is none that works here, and return the version of its Python."""
    version = venv_version(root)
    stamp = read_stamp(root)
    if version is not None and (not stamp or stamp[1:] == [str(root)]):
        return version
    # The scripts in an environment name its folder, so one that was moved is made again like one that is broken.
    folder = root / ".venv"
    reason = " again: it does not work, or was moved" if folder.exists() else ""
    say(f"making .venv{reason}")
    if succeeds([sys.executable, "-I", "-m", "venv", "--clear", str(folder)]):
        version = venv_version(root)
        if version is not None:
            return version
    raise SetupError("the virtual environment could not be made; delete .venv, look at the lines above, run this again")


def provide_python(root: Path, test: bool) -> None:
    """Install the Python packages unless the stamp says that they are there."""
    version = make_venv(root)
    if is_installed(root, version, test):
        return
    stamp = stamp_file(root)
    stamp.unlink(missing_ok=True)
    steps = {
        "installing torch (large; some minutes the first time)": ["torch"],
        f"installing the app{' and the tools of the tests' if test else ''}": ["-e", ".[test]" if test else "."],
    }
    pip = [str(in_venv(root, "python")), "-I", "-m", "pip"]
    for text, what in steps.items():
        say(text)
        command = [*pip, "install", "--no-input", "-c", str(CONSTRAINTS), *what]
        if not succeeds(command, {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}):
            raise SetupError("pip failed; check the network and the free disk space, then run this again")
    new = stamp.with_suffix(".new")
    new.write_text(f"{digest(root, version, test)}\n{root}\n", encoding="utf-8")
    new.replace(stamp)
    say("ready")


# ---- the command ---------------------------------------------------------------------------------------------------


def start(command: list[str]) -> int:
    """Become the command; on Windows, where that cannot be, run it and return its exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    return subprocess.run(command, check=False).returncode


def perform(command: str, rest: Sequence[str]) -> int:
    """Set up for a command, start it unless it is ``setup``, and return the exit code."""
    test = command == "test" or (command == "setup" and "--test" in rest)
    missing = provide_system(test)
    if missing:
        say(advice(missing))
    unusable = any(package != FONT for package in missing)
    if unusable and command != "setup":
        return 1
    provide_python(ROOT, test)
    if command == "setup":
        return 1 if unusable else 0
    if command == "run":
        return start([str(in_venv(ROOT, "vdx")), *rest])
    os.chdir(ROOT)
    return start([str(in_venv(ROOT, "python")), "-m", "pytest", *(rest or in_parallel())])


def in_parallel() -> list[str]:
    """Return what makes pytest run all tests on several cores, each process with one thread of torch."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return ["-n", str(min(MOST_PROCESSES, os.cpu_count() or 1)), "--dist", "loadfile"]


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code: 1 if setting up failed, 2 for bad arguments."""
    if sys.version_info[:2] < MINIMUM:
        have, need = (".".join(map(str, version[:2])) for version in (sys.version_info, MINIMUM))
        say(f"Python {need} or newer is needed, this is {have}; run this file with a newer one, such as python{need}")
        return 1
    command, *rest = arguments or [""]
    if command in {"-h", "--help"}:
        print(__doc__)
        return 0
    if command not in {"run", "test", "setup"} or (command == "setup" and rest not in ([], ["--test"])):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return perform(command, rest)
    except (SetupError, OSError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; run this again to go on")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
