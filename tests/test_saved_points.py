"""Saved points: exact, kept per model, shared by windows, and what was whole survives a damaged file."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import saved_points
from explorer.errors import ExplorerError, RunError
from explorer.saved_points import SavedPoints
from tests.faults.children import Child

SHA, OTHER = "ab" * 32, "cd" * 32


def store(sha: str = SHA, latent: int = 3) -> SavedPoints:
    made = SavedPoints(sha, latent, "digits-vae")
    made.refresh()
    return made


def add_some(say, home: Path, name: str, count: int) -> None:
    """Save points of one model in the user's folder ``home``."""
    saved_points.paths.data_home = lambda: home
    mine = SavedPoints(SHA, 3)
    say("ready")
    for number in range(count):
        mine.add_point(f"{name} {number}", np.full(3, number, np.float32))
    say("done")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3))
def test_every_float32_is_read_back_bit_by_bit(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VDX_HOME", str(tmp_path_factory.mktemp("home")))
        z = np.array(values, np.float32)
        store().add_point("here", z)
        assert store().points[0].z.tobytes() == z.tobytes()


def test_points_and_directions_survive_in_order(home: Path) -> None:
    mine = store()
    first = mine.add_point("  a\tslanted\n7 ", np.array([1, 2, 3]), 7)
    mine.add_point("βeta", np.zeros(3))
    mine.add_direction("slant", np.ones(3), "mean of 4 − mean of 9 items")
    mine.rename(first.key, "upright 7")
    again = store()
    assert [(point.name, point.label) for point in again.points] == [("upright 7", 7), ("βeta", 0)]
    assert [(one.name, one.note) for one in again.directions] == [("slant", "mean of 4 − mean of 9 items")]
    again.remove(first.key)
    assert [point.name for point in store().points] == ["βeta"]
    again.put_back(first)
    again.put_back(first)
    assert [point.name for point in store().points] == ["βeta", "a slanted 7"]
    assert not again.points[0].z.flags.writeable


def test_each_model_has_its_own() -> None:
    store().add_point("mine", np.zeros(3))
    assert not store(OTHER).points
    with pytest.raises(RunError, match="what weights it has"):
        SavedPoints("../../etc/passwd", 3)


@pytest.mark.parametrize("name", ["", "  \n", "x" * 61])
def test_a_name_is_one_line_of_some_letters(name: str) -> None:
    with pytest.raises(ExplorerError, match="1 to 60 letters"):
        store().add_point(name, np.zeros(3))
    assert not store().points


@pytest.mark.parametrize("z", [[1, 2], [1, 2, np.nan], [1, 2, np.inf]])
def test_only_a_place_of_this_space_is_one(z: list[float]) -> None:
    with pytest.raises(ExplorerError, match="3 finite numbers"):
        store().add_point("here", np.array(z, np.float32))


def test_two_windows_keep_each_others_points() -> None:
    one, other = store(), store()
    mine = one.add_point("one", np.zeros(3))
    theirs = other.add_point("other", np.ones(3))
    one.rename(theirs.key, "yours")
    other.remove(mine.key)
    one.rename(mine.key, "too late")  # deleted elsewhere: it stays deleted
    one.refresh()
    assert [point.name for point in one.points] == ["yours"] == [point.name for point in store().points]


def test_two_processes_and_two_threads_lose_nothing(home: Path) -> None:
    children = [Child(add_some, home, name, 10) for name in ("left", "right")]
    threads = [threading.Thread(target=lambda n=n: [store().add_point(f"{n} {k}", np.zeros(3)) for k in range(5)])
               for n in ("up", "down")]  # fmt: skip
    for child in children:
        assert child.hear() == "ready"
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for child in children:
        assert child.hear() == "done"
        child.process.join(20)
    names = [point.name for point in store().points]
    assert len(names) == len(set(names)) == 30
    for name, count in (("left", 10), ("right", 10), ("up", 5), ("down", 5)):
        assert [one for one in names if one.startswith(name)] == [f"{name} {k}" for k in range(count)]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\x00\x01", b"[]", b'{"schema_version": "x"}', b'{"schema_version": 1, "schema_version": 1}',
     b'{"schema_version": 1, "points": 3}', b'{"schema_version": 1, "points": [NaN]}', b"[" * 100_000],
)  # fmt: skip
def test_a_damaged_file_is_kept_aside_and_said(content: bytes) -> None:
    mine = store()
    mine.add_point("lost", np.zeros(3))
    mine.path.write_bytes(content)
    again = store()
    aside = mine.path.with_name(f"{SHA}.damaged-1.json")
    assert not again.points and str(aside) in again.trouble and aside.read_bytes() == content
    again.add_point("new", np.ones(3))
    mine.path.write_bytes(content)
    mine.add_point("another", np.ones(3))  # found while writing
    assert "damaged-2" in mine.trouble and [point.name for point in store().points] == ["another"]
    assert not store().trouble


def test_what_is_whole_in_a_damaged_file_stays() -> None:
    mine = store()
    for name in ("a", "b", "c", "d"):
        mine.add_point(name, np.zeros(3))
    mine.add_direction("e", np.ones(3))
    record = json.loads(mine.path.read_bytes())
    record["points"][0]["z"] = [0.0, 1e300, 0.0]
    record["points"][1]["z"] = [0.0]
    record["points"][2]["name"] = 5
    record["directions"].append("nonsense")
    mine.path.write_text(json.dumps(record))
    again = store()
    assert [point.name for point in again.points] == ["d"] and len(again.directions) == 1
    assert "the 2 that were whole are here" in again.trouble
    assert [point.name for point in store().points] == ["d"]


def test_a_newer_file_is_left_alone() -> None:
    mine = store()
    mine.path.parent.mkdir(parents=True)
    mine.path.write_text('{"schema_version": 2, "points": {}}')
    with pytest.raises(RunError, match="newer version"):
        mine.refresh()
    with pytest.raises(RunError, match="newer version"):
        mine.add_point("here", np.zeros(3))
    assert mine.path.read_text() == '{"schema_version": 2, "points": {}}'


def test_a_folder_that_cannot_be_made_is_named(home: Path) -> None:
    mine = store()
    home.mkdir()
    saved_points.saved_folder().write_text("a file")
    with pytest.raises(RunError, match="choose a folder"):
        mine.add_point("here", np.zeros(3))
    assert not mine.points


def test_more_than_a_file_can_hold_is_refused_and_nothing_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = store()
    mine.add_point("first", np.zeros(3))
    monkeypatch.setattr(saved_points, "_LARGEST", 600)
    with pytest.raises(RunError, match="delete some"):
        for number in range(10):
            mine.add_point(f"point {number}", np.zeros(3))
    assert [point.name for point in store().points] == [point.name for point in mine.points]
    assert mine.points[0].name == "first"
