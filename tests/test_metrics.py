"""metrics.jsonl: read while it grows, whole lines only, whatever happened to the file."""

import itertools
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import metrics
from explorer.errors import RunError
from explorer.metrics import METRICS, Tail
from explorer.training_messages import Knobs, Measurement, Turned


def measurement(step: int) -> Measurement:
    return Measurement(step, step / 10, 0.5 * step, "train", {"elbo": -1.5 * step, "kl": 2.0}, (1.0, 0.25))


def turned(step: int) -> Turned:
    return Turned(step, step / 10, Knobs(20.0, 0.5))


def write(folder: Path, *steps: int) -> None:
    for step in steps:
        metrics.append(folder, measurement(step))


def told(folder: Path) -> list[Measurement | Turned]:
    tail = Tail(folder)
    found = tail.read()
    while tail.more:
        found += tail.read()
    return found


def test_a_growing_file_is_read_once(tmp_path: Path) -> None:
    tail = Tail(tmp_path)
    assert tail.read() == [] and tail.share_read == 1.0, "there is nothing yet"
    write(tmp_path, 1, 2)
    metrics.append_turn(tmp_path, turned(2))
    assert tail.read() == [measurement(1), measurement(2), turned(2)]
    assert tail.read() == [] and not tail.restarted and not tail.more
    write(tmp_path, 3)
    assert tail.read() == [measurement(3)] and not tail.restarted


def test_a_long_file_is_read_in_parts(tmp_path: Path) -> None:
    write(tmp_path, *range(1, 26))
    tail, shares, found = Tail(tmp_path), [], []
    while True:
        part = tail.read(most=10)
        assert len(part) <= 10
        found += part
        shares.append(tail.share_read)
        if not tail.more:
            break
    assert found == [measurement(step) for step in range(1, 26)]
    assert shares == sorted(shares) and 0.3 < shares[0] < 0.5 and shares[-1] == 1.0


def test_the_file_cut_at_every_byte_gives_its_whole_lines(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    metrics.append_turn(tmp_path, turned(2))
    write(tmp_path, 3)
    path = tmp_path / METRICS
    whole = path.read_bytes()
    said = told(tmp_path)
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        lines = whole[:end].count(b"\n")
        assert told(tmp_path) == said[:lines]
        assert list(metrics.measurements(tmp_path)) == [one for one in said[:lines] if isinstance(one, Measurement)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 120), max_size=30), st.integers(1, 4))
def test_a_file_that_grows_by_any_pieces_is_read_whole(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[int], most: int
) -> None:
    folder = tmp_path_factory.mktemp("run")
    write(folder, *range(1, 9))
    whole = (folder / METRICS).read_bytes()
    (folder / METRICS).unlink()
    tail, found = Tail(folder), []
    with (folder / METRICS).open("ab", buffering=0) as file:
        at = 0
        for piece in [*pieces, len(whole)]:
            at += file.write(whole[at : at + piece])
            found += tail.read(most)
            assert not tail.restarted
    while tail.more:
        found += tail.read(most)
    assert found == [measurement(step) for step in range(1, 9)]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_raise_and_the_lines_around_them_are_read(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes
) -> None:
    folder = tmp_path_factory.mktemp("run")
    write(folder, 1)
    with (folder / METRICS).open("ab") as file:
        file.write(garbage + b"\n")
    write(folder, 2)
    assert told(folder) == [measurement(1), measurement(2)]
    metrics.cut(folder, 1)
    assert told(folder) == [measurement(1)]


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "[]", "null", "7", '"text"', '{"step":1}', "NaN", "1e400", "[" * 5000, '{"event":"knobs"}',
        '{"event":[],"step":1}', '{"event":"knobs","step":1,"epoch":NaN,"beta":1,"rate":1}',
        '{"step":1,"epoch":Infinity,"seconds":1,"split":"train","elbo":1}',
        '{"step":1e400,"epoch":1,"seconds":1,"split":"train","elbo":1}',
        '{"step":1,"epoch":1,"seconds":1,"split":"train","kl_per_dimension":[NaN]}',
        '{"step":' + "9" * 5000 + "}", "\x00" * 40, "\ud7ff",
        '{"step":"x","epoch":1,"seconds":1,"split":"train","elbo":1}',
        '{"step":1,"epoch":1,"seconds":1,"split":[],"elbo":1}',
        '{"step":1,"epoch":1,"seconds":1,"split":"train","elbo":[1]}',
    ],
    ids=itertools.count(),
)  # fmt: skip
def test_garbage_lines_are_passed_over(tmp_path: Path, line: str) -> None:
    write(tmp_path, 1)
    with (tmp_path / METRICS).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    write(tmp_path, 2)
    assert told(tmp_path) == [measurement(1), measurement(2)]


def test_values_that_are_no_numbers_are_left_out_and_the_others_kept(tmp_path: Path) -> None:
    (tmp_path / METRICS).write_text('{"step":1,"epoch":1,"seconds":1,"split":"test","loss":0.5,"bound":Infinity}\n')
    assert [found.values for found in metrics.measurements(tmp_path)] == [{"loss": 0.5}]


def test_a_file_that_was_cut_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, 10, 20, 30, 40)
    tail = Tail(tmp_path)
    tail.read()
    metrics.cut(tmp_path, 20)
    write(tmp_path, 21)
    assert tail.read() == [measurement(10), measurement(20), measurement(21)] and tail.restarted
    write(tmp_path, 22)
    assert tail.read() == [measurement(22)] and not tail.restarted


def test_a_file_that_was_cut_and_outgrew_itself_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, 10, 20, 30)
    tail = Tail(tmp_path)
    tail.read()
    metrics.cut(tmp_path, 10)
    write(tmp_path, 12, 14, 16, 18)
    assert tail.read() == [measurement(step) for step in (10, 12, 14, 16, 18)] and tail.restarted


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    tail = Tail(tmp_path)
    tail.read()
    (tmp_path / "other").write_bytes((tmp_path / METRICS).read_bytes())
    (tmp_path / "other").replace(tmp_path / METRICS)
    assert tail.read() == [measurement(1), measurement(2)] and tail.restarted
    (tmp_path / METRICS).unlink()
    write(tmp_path, 5, 6)  # the new file may well have the number of the old one
    assert tail.read() == [measurement(5), measurement(6)] and tail.restarted


def test_a_file_that_vanished_is_waited_for(tmp_path: Path) -> None:
    write(tmp_path, 1)
    tail = Tail(tmp_path)
    tail.read()
    (tmp_path / METRICS).unlink()
    assert tail.read() == [] and not tail.restarted, "what was shown stays"
    write(tmp_path, 2)
    assert tail.read() == [measurement(2)] and tail.restarted
    assert Tail(tmp_path / "no such folder").read() == []


def test_a_folder_in_its_place_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / METRICS).mkdir()
    with pytest.raises(RunError, match=r"metrics\.jsonl"):
        Tail(tmp_path).read()


def test_a_torn_line_is_taken_when_it_is_whole(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    whole = (tmp_path / METRICS).read_bytes()
    first = whole.index(b"\n") + 1
    (tmp_path / METRICS).write_bytes(whole[: first + 9])
    tail = Tail(tmp_path)
    assert tail.read() == [measurement(1)] and tail.share_read < 1
    with (tmp_path / METRICS).open("ab") as file:
        file.write(whole[first + 9 :])
    assert tail.read() == [measurement(2)] and tail.share_read == 1.0 and not tail.restarted


def test_a_long_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    line = json.dumps({"step": 7, "epoch": 0.1, "seconds": 1.0, "split": "train", "loss": 0.5}) + "\n"
    with (tmp_path / METRICS).open("w") as file:
        for _ in range(60):
            file.write(line * 1000)
        file.write("x" * 9_000_000 + "\n")  # a line that never ends is not kept either
        file.write(line)
    tail, count = Tail(tmp_path), 0
    tracemalloc.start()
    try:
        while True:
            count += len(tail.read(500))
            if not tail.more:
                break
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()
    assert count == 60_001


# ---- cutting -------------------------------------------------------------------------------------------------------


def test_cut_keeps_events_of_other_kinds(tmp_path: Path) -> None:
    write(tmp_path, 10)
    event = '{"event":"resumed","step":10,"from":"checkpoints/00000010"}'
    with (tmp_path / METRICS).open("a") as file:
        file.write(f"{event}\n")
    write(tmp_path, 20)
    with (tmp_path / METRICS).open("a") as file:
        file.write(event.replace("10", "20") + "\n" + '{"event":"later"}\n')
    metrics.cut(tmp_path, 10)
    assert event in (tmp_path / METRICS).read_text() and told(tmp_path) == [measurement(10)]
    assert len((tmp_path / METRICS).read_text().splitlines()) == 2


def test_cut_forgets_turns_that_had_no_effect_yet(tmp_path: Path) -> None:
    early, had, lost = (Turned(step, step / 10, Knobs(beta, 0.1)) for step, beta in ((3, 7.0), (10, 20.1), (10, None)))
    for one in (early, had, lost):
        metrics.append_turn(tmp_path, one)
    write(tmp_path, 10)
    metrics.cut(tmp_path, 10)
    assert told(tmp_path) == [early, had, lost, measurement(10)], "who does not know how the knobs stand keeps all"
    metrics.cut(tmp_path, 10, had.knobs)
    assert told(tmp_path) == [early, had, measurement(10)]
    metrics.cut(tmp_path, 10, early.knobs)
    assert told(tmp_path) == [early, measurement(10)]


def test_cut_takes_what_is_torn_too(tmp_path: Path) -> None:
    write(tmp_path, 10, 20)
    before = (tmp_path / METRICS).read_bytes()
    with (tmp_path / METRICS).open("ab") as file:
        file.write(before[:30])
    metrics.cut(tmp_path, 20)
    assert (tmp_path / METRICS).read_bytes() == before
    write(tmp_path, 30)
    assert told(tmp_path) == [measurement(10), measurement(20), measurement(30)]


def test_cut_leaves_a_whole_file_alone(tmp_path: Path) -> None:
    write(tmp_path, 10, 20)
    before = (tmp_path / METRICS).stat()
    metrics.cut(tmp_path, 20)
    after = (tmp_path / METRICS).stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, before.st_size)
    metrics.cut(tmp_path / "nowhere", 20)


def test_cut_finds_early_steps_after_later_ones(tmp_path: Path) -> None:
    write(tmp_path, 10, 30, 20, 40)
    metrics.cut(tmp_path, 20)
    assert told(tmp_path) == [measurement(10), measurement(20)]
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == [METRICS]
