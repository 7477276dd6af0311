"""Thinning, races and ways forward and back: what the Diffusion page asks beside one chain."""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from explorer import images, runs
from explorer.chain_messages import Lane, RaceRequest, Returned, ReturnRequest
from explorer.config import Sampling
from explorer.errors import ConfigError, DataError, RunError
from explorer.inference import chains, stored_bound
from explorer.inference.chains import Race, kept, returns, rivals, thinning
from explorer.inference.session import ModelSession
from explorer.messages import DenoiseRequest

Trained = Callable[[str], Path]
T = 20


@pytest.fixture(scope="module")
def digits(trained: Trained) -> ModelSession:
    return ModelSession.open(trained("digits-ddpm"), "cpu")


@pytest.fixture(scope="module")
def moons(trained: Trained) -> ModelSession:
    return ModelSession.open(trained("points-ddpm"), "cpu")


# ---- thinning ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [2, 3, 11, 21, 1001, 10_001])
@pytest.mark.parametrize("most", [2, 3, 7, 100, 1000, 20_000])
def test_what_is_kept_fits_and_has_both_ends(frames: int, most: int) -> None:
    every = thinning(frames, 10, 10 * most)
    places = kept(frames, every)
    assert len(places) <= max(2, most) and places[0] == 0 and places[-1] == frames - 1
    assert places == sorted(set(places)) and all(b - a <= every for a, b in pairwise(places))
    assert every == 1 or len(kept(frames, every - 1)) > most, "no fewer than needed"


def test_bytes_of_a_frame_are_those_of_its_arrays(digits: ModelSession, moons: ModelSession) -> None:
    for session, count in ((digits, 5), (moons, 700)):
        frame = next(iter(session.denoise(DenoiseRequest(0, count, 0))))
        arrays = (frame.x_t, frame.x0_hat, frame.eps_hat, frame.points)
        assert chains.frame_bytes(session, count) == sum(one.nbytes for one in arrays if one is not None)


def test_frames_of_points_have_their_coordinates(moons: ModelSession) -> None:
    frames = list(moons.denoise(DenoiseRequest(0, 300, 3)))
    for frame in frames:
        assert frame.points is not None and frame.points.shape == (3, 300, 2) and frame.points.dtype == np.float32
        for values, picture in zip(frame.points, (frame.x_t, frame.x0_hat, frame.eps_hat), strict=True):
            assert np.array_equal(images.of_points(values), picture[0])


# ---- race ----------------------------------------------------------------------------------------------------------


def raced(session: ModelSession, *ways: Sampling, count: int = 2) -> tuple[Race, list[tuple[int, int]]]:
    lanes = tuple(Lane(str(session.folder), way) for way in ways)
    race = Race(RaceRequest(7, lanes, count, 5), lambda _: session)
    return race, [(one.lane, one.frame.t) for one in race]


def test_lanes_are_the_chains_of_the_samplers_from_the_same_noise(digits: ModelSession) -> None:
    ways = (Sampling(), Sampling(sampler="ddim", steps=5), Sampling(label=3, guidance=2, steps=10))
    lanes = tuple(Lane(str(digits.folder), way) for way in ways)
    found = list(Race(RaceRequest(7, lanes, 3, 5), lambda _: digits))
    starts = [one.frame.x_t for one in found if one.frame.t == T]
    assert len(starts) == 3 and all(np.array_equal(start, starts[0]) for start in starts)
    for number, way in enumerate(ways):
        ours = [one.frame for one in found if one.lane == number]
        theirs = list(digits.denoise(DenoiseRequest(0, 3, 5, way)))
        assert [frame.t for frame in ours] == [frame.t for frame in theirs]
        assert all(np.array_equal(a.x_t, b.x_t) for a, b in zip(ours, theirs, strict=True))
        seconds = [one.seconds for one in found if one.lane == number]
        assert seconds == sorted(seconds) and seconds[-1] > 0


def test_lanes_run_at_the_same_noise_level(digits: ModelSession) -> None:
    """At any moment no lane is more than its own step ahead of the noisiest one."""
    race, order = raced(digits, Sampling(), Sampling(sampler="ddim", steps=5), Sampling(steps=10))
    bar = digits.schedule().alpha_bar
    at = [-1.0] * 3
    for lane, t in order:
        assert at[lane] == min(level for level in at if level < bar[0]), "the noisiest goes on"
        at[lane] = float(bar[t])
    assert at == [1.0, 1.0, 1.0] and [chain.t[-1] for chain in race.chains] == [0, 0, 0]


def test_calls_are_counted_and_guidance_asks_twice(digits: ModelSession, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    forward = type(digits.model).forward
    monkeypatch.setattr(
        type(digits.model), "forward", lambda self, x_t, *rest: (asked.append(len(x_t)), forward(self, x_t, *rest))[1]
    )
    for way, each in ((Sampling(steps=5), 1), (Sampling(steps=5, label=1, guidance=3), 2), (Sampling(guidance=0), 1)):
        asked.clear()
        race, _ = raced(digits, way, count=2)
        steps = way.steps or T
        assert race.chains[0].calls[0] == each and race.chains[0].calls[-1] == steps * each == sum(asked) // 2


def test_a_long_race_keeps_every_nth_frame(digits: ModelSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.inference.chains.RACE_BYTES", 2 * 6 * 3 * 2 * 64)
    race, order = raced(digits, Sampling(), Sampling(sampler="ddim"))
    assert [chain.every for chain in race.chains] == [4, 4]
    assert [t for lane, t in order if lane == 0] == [20, 16, 12, 8, 4, 0] == list(race.chains[0].t)
    assert race.chains[0].calls == (1, 5, 9, 13, 17, 20)


def test_races_that_cannot_be_run_say_why(digits: ModelSession, moons: ModelSession) -> None:
    with pytest.raises(ConfigError, match="1 to 4 lanes"):
        Race(RaceRequest(0, (), 1, 0), lambda _: digits)
    lanes = (Lane("a", Sampling()), Lane("b", Sampling()))
    with pytest.raises(RunError, match="another shape"):
        Race(RaceRequest(0, lanes, 1, 0), lambda name: {"a": digits, "b": moons}[name])
    with pytest.raises(ConfigError, match="no class 11"):
        raced(digits, Sampling(label=11))


def test_rivals_are_models_of_the_same_shape(moons: ModelSession, digits: ModelSession) -> None:
    found = rivals(moons)
    assert found[0].path == str(moons.folder) and found[0].timesteps == T and found[0].points and found[0].clips
    bundled = {Path(one.path).name: one.predicts for one in found[1:]}
    assert bundled == {
        "two-moons-eps": "eps", "two-moons-mean": "mean", "two-moons-v": "v", "two-moons-x0": "x0",
    }  # fmt: skip
    own = rivals(digits)
    assert [Path(one.path).name for one in own] == [digits.folder.name, "digits-ddpm"]
    assert all(one.classes == 10 and one.guidable and one.clips and not one.points for one in own)


def test_a_damaged_run_is_no_rival(digits: ModelSession, home: Path) -> None:
    broken = home / "runs" / "broken"
    broken.mkdir(parents=True)
    (broken / runs.RECORD).write_text("{")
    assert len(rivals(digits)) == 2


# ---- forward and back ----------------------------------------------------------------------------------------------


def rows(session: ModelSession, **changes: object) -> list[Returned]:
    asked = {
        "request": 3, "image": 2, "starts": (2, 10, 20), "count": 6, "seed": 1, "sampling": Sampling(clip=session.clips)
    } | changes  # fmt: skip
    return list(returns(session, ReturnRequest(**asked)))  # type: ignore[arg-type]


def ends(found: list[Returned]) -> list[Returned]:
    return [one for one in found if not math.isnan(one.distance)]


def test_the_further_it_is_noised_the_less_survives(digits: ModelSession) -> None:
    found = rows(digits)
    assert [one.done for one in found] == list(range(1, found[-1].total + 1)), "every step is told"
    assert [one.row for one in found] == [0] * 3 + [1] * 11 + [2] * 21
    last = ends(found)
    assert [one.t for one in last] == [0, 0, 0] and len(last[0].shown) == 6
    distances = [one.distance for one in last]
    assert distances == sorted(distances) and distances[0] < 0.4 * distances[-1]
    assert all(one.spread > 0 and one.chance > 0 for one in last)


def test_a_row_is_the_librarys_way_back(digits: ModelSession) -> None:
    how = Sampling(sampler="ddim", steps=5, eta=0.3)
    found = rows(digits, starts=(12,), sampling=how)
    theirs = list(digits.denoise(DenoiseRequest(0, 6, 1, how, image=2, start=12)))
    assert np.array_equal(found[0].noised, theirs[0].x_t) and np.array_equal(found[-1].shown, theirs[-1].x_t)
    original = digits.gallery(3).pixels[2] / 127.5 - 1
    samples = theirs[-1].x_t / 127.5 - 1
    assert found[-1].distance == pytest.approx(float(np.sqrt(np.square(samples - original).mean())), rel=0.05)
    pairs = [np.square(a - b).mean() for i, a in enumerate(samples) for b in samples[:i]]
    assert found[-1].spread == pytest.approx(float(np.sqrt(np.mean(pairs))), rel=0.05)


def test_inversion_leads_back_to_the_image(digits: ModelSession) -> None:
    how = Sampling(sampler="ddim", clip=False)
    up = rows(digits, starts=(20,), count=1, sampling=how, invert=True)
    assert [one.rising for one in up] == [True] * 21 + [False] * 21
    assert [one.t for one in up[:21]] == list(range(21)) and not len(up[5].noised) and len(up[25].noised) == 1
    at_random = rows(digits, starts=(20,), count=1, sampling=how)
    assert ends(up)[0].distance < 0.5 * ends(at_random)[0].distance and math.isnan(ends(up)[0].spread)


def test_points_go_all_at_once(moons: ModelSession) -> None:
    found = ends(rows(moons, image=0))
    assert found[0].shown.shape == (1, images.POINTS_SIDE, images.POINTS_SIDE, 1)
    distances = [one.distance for one in found]
    assert distances == sorted(distances) and distances[0] < 0.7 * found[0].chance
    assert found[0].chance == pytest.approx(2, rel=0.1), "two coordinates of unit variance"
    assert all(math.isnan(one.spread) for one in found)


def test_ways_that_do_not_exist_say_so(digits: ModelSession) -> None:
    with pytest.raises(ConfigError, match="start at t = 21"):
        rows(digits, starts=(21,))
    with pytest.raises(ConfigError, match="start at t = 0"):
        rows(digits, starts=(0,))
    with pytest.raises(DataError, match="no test image 297"):
        rows(digits, image=297)


# ---- the bound -----------------------------------------------------------------------------------------------------


def test_the_bound_is_kept_for_the_weights_it_is_of(digits: ModelSession, moons: ModelSession, home: Path) -> None:
    assert stored_bound.stored(digits) is None
    *steps, found = stored_bound.evaluate(digits)
    assert steps and stored_bound.stored(digits) == found and stored_bound.stored(moons) is None
    [file] = (home / "bounds").iterdir()
    content = file.read_text()
    for damaged in ("", "{}", content[:-40], content.replace('"bound"', '"b"'), content.replace('"t": [', '"t": [1,')):
        file.write_text(damaged)
        assert stored_bound.stored(digits) is None
    file.write_text(content)
    assert stored_bound.stored(digits) == found


def test_where_it_cannot_be_kept_it_is_found_all_the_same(
    moons: ModelSession, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "bounds").write_text("a file where the folder should be")
    *_, found = stored_bound.evaluate(moons)
    assert found.per_t["sliced_wasserstein"] and stored_bound.stored(moons) is None  # type: ignore[union-attr]
