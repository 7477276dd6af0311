"""Undo and redo in a latent space: what comes back is what was, to the last bit."""

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from explorer.ui.latent_history import LIMIT, LatentHistory, Place

START = Place(np.zeros(10, np.float32))


@pytest.fixture
def history(qtbot: QtBot) -> LatentHistory:
    return LatentHistory()


def walk(history: LatentHistory, moves: int, seed: int = 0) -> list[Place]:
    """Make random moves, each of them settled, and return every place, the start first."""
    random = np.random.default_rng(seed)
    history.begin(START)
    places = [START]
    for k in range(moves):
        z = (random.standard_normal(10) * 10.0 ** random.integers(-30, 3)).astype(np.float32)
        places.append(Place(z, k % 10))
        history.record(places[-1], f"move {k}")
        history.settle()
    return places


def test_undo_and_redo_return_bitwise_after_a_thousand_moves(history: LatentHistory) -> None:
    went: list[Place] = []
    history.went.connect(went.append)
    places = walk(history, 1000)
    gc.collect()  # the commands belong to Qt
    assert not went, "recording does not move anything"
    for _ in range(LIMIT):
        history.undo()
    assert went == places[-2 : -LIMIT - 2 : -1]
    assert history.undo_text == "", "older moves are forgotten"
    history.undo()
    assert len(went) == LIMIT
    went.clear()
    for _ in range(LIMIT):
        history.redo()
    assert went == places[-LIMIT:] and history.redo_text == ""


def test_a_drag_is_one_move(history: LatentHistory) -> None:
    history.begin(START)
    for value in np.linspace(0, 1, 50, dtype=np.float32)[1:]:
        history.record(Place(np.full(10, value, np.float32)), "z₃")
    history.settle()
    after_drag = history.here
    history.record(Place(np.full(10, 2, np.float32)), "z₃")
    history.settle()
    history.undo()
    assert history.here == after_drag
    history.undo()
    assert history.here == START and history.undo_text == ""
    history.redo()
    assert history.here == after_drag


def test_another_kind_of_move_is_a_move_of_its_own_even_in_one_drag(history: LatentHistory) -> None:
    history.begin(START)
    history.record(Place(np.ones(10, np.float32)), "z₃")
    history.record(Place(np.full(10, 2, np.float32)), "random")
    assert history.undo_text == "random"
    history.undo()
    assert history.undo_text == "z₃" and history.redo_text == "random"


def test_what_follows_an_undo_does_not_join_the_move_before(history: LatentHistory) -> None:
    history.begin(START)
    history.record(Place(np.ones(10, np.float32)), "z₃")
    history.record(Place(np.full(10, 2, np.float32)), "z₃")  # not settled: the mouse is still down
    history.undo()
    history.redo()
    history.record(Place(np.full(10, 3, np.float32)), "z₃")
    history.undo()
    assert history.here == Place(np.full(10, 2, np.float32))


def test_the_class_is_part_of_the_place_and_a_move_to_where_one_is_is_none(history: LatentHistory) -> None:
    history.begin(START)
    history.record(Place(START.z, 7), "class")
    assert history.undo_text == "class"
    history.record(Place(START.z, 7), "zero")
    assert history.undo_text == "class"
    history.undo()
    assert history.here == START


def test_a_new_model_forgets_all_and_arrays_are_copied(history: LatentHistory) -> None:
    z = np.ones(10, np.float32)
    history.begin(START)
    history.record(Place(z), "z₃")
    z[:] = 5
    history.record(Place(z), "random")
    history.undo()
    assert history.here == Place(np.ones(10, np.float32))
    history.begin()
    assert history.undo_text == history.redo_text == "" and history.here is None
    history.record(Place(np.zeros(3, np.float32)), "opened")
    assert history.undo_text == "", "where one begins is no move"
    history.record(Place(np.ones(3, np.float32)), "z₀")
    history.undo()
    assert history.here is not None and len(history.here.z) == 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["move", "undo", "redo", "settle"]), max_size=60))
def test_it_does_what_a_list_of_places_does(steps: list[str]) -> None:
    """Against a model: with every move settled, history is a list and a position in it."""
    history, places, at = LatentHistory(), [START], 0
    history.begin(START)
    for number, step in enumerate(steps, start=1):
        if step == "move":
            place = Place(np.full(10, number, np.float32))
            history.record(place, "random")
            history.settle()
            places, at = [*places[: at + 1], place], at + 1
        elif step == "undo":
            history.undo()
            at = max(0, at - 1)
        elif step == "redo":
            history.redo()
            at = min(len(places) - 1, at + 1)
        else:
            history.settle()
        assert history.here == places[at]
        assert bool(history.undo_text) == (at > 0) and bool(history.redo_text) == (at < len(places) - 1)
