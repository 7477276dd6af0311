"""The data sets and their batches."""

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.config import DatasetName
from explorer.data import batches
from explorer.data.catalog import CATALOG, load
from explorer.errors import DataError


def test_catalog_and_settings_name_the_same_data_sets() -> None:
    assert set(CATALOG) == set(get_args(DatasetName))


def test_digits_are_scikit_learns_and_the_split_is_fixed() -> None:
    from sklearn.datasets import load_digits

    data, raw = load("digits"), load_digits()
    assert data.values.shape == (1797, 8, 8, 1) and data.values.dtype == np.uint8
    assert data.shape == CATALOG["digits"].shape and len(data.values) == CATALOG["digits"].items
    assert [len(data.split(name)[0]) for name in ("train", "test")] == [1500, 297]
    as_rows = np.rint(raw.images * 255 / 16).astype(np.uint8).reshape(1797, -1)
    assert sorted(map(bytes, as_rows)) == sorted(map(bytes, data.values.reshape(1797, -1)))
    # The split of version 0.1; a change would make trained models see their test images.
    assert data.fingerprint() == "1319974c9194a131a00bb29b96fab85704bd60b8dd1281b7c8aecc32782455d1"
    assert np.bincount(data.split("test")[1]).min() >= 20


def test_unknown_data_set_is_named() -> None:
    with pytest.raises(DataError, match="digits"):
        load("imagenet")


def test_pixels_become_tensors_with_channels_first() -> None:
    pixels = load("digits").values[:5]
    tensor = batches.to_tensor(pixels)
    assert tensor.shape == (5, 1, 8, 8) and tensor.dtype == torch.uint8
    assert np.array_equal(tensor.numpy()[:, 0], pixels[..., 0])
    assert batches.to_unit(tensor).max() <= 1 and batches.to_signed(tensor).min() == -1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 2**63 - 1), st.integers(0, 1000))
def test_an_epoch_shows_every_image_once(items: int, size: int, seed: int, epoch: int) -> None:
    seen = list(batches.batches(items, size, seed, epoch))
    assert len(seen) == batches.steps_per_epoch(items, size)
    assert sorted(torch.cat(seen).flatten().tolist()) == list(range(items))
    again = torch.cat(list(batches.batches(items, size, seed, epoch)))
    assert torch.equal(again, torch.cat(seen))
    late = list(batches.batches(items, size, seed, epoch, first=len(seen) // 2))
    assert all(torch.equal(a, b) for a, b in zip(late, seen[len(seen) // 2 :], strict=True))


def test_epochs_and_seeds_differ() -> None:
    orders = {bytes(torch.cat(list(batches.batches(100, 10, s, e))).numpy()) for s in (0, 1) for e in (0, 1)}
    assert len(orders) == 4
