"""Settings that do not go together: all of them are named, and what is said to mend them does."""

import pytest

from explorer.config import RunConfig
from explorer.data.catalog import CATALOG, load
from explorer.errors import ConfigError
from explorer.fit import misfits
from explorer.models.build import check_size
from explorer.settings import load_settings, preset_names, with_settings

POINTS = ["data.name=two-moons"]


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_fits(name: str) -> None:
    assert not misfits(load_settings(name))


@pytest.mark.parametrize(
    ("changes", "addresses"),
    [
        (POINTS, {"data.name", "model.likelihood"}),
        ([*POINTS, "model.network=convolutional"], {"data.name", "model.likelihood", "model.network"}),
        ([*POINTS, "model.likelihood=gaussian", "model.network=residual"], {"data.name", "model.network"}),
        (["model.family=conditional", "data.name=mixture", "model.likelihood=gaussian"], {"data.name", "model.family"}),
        (["model.family=ddpm", *POINTS], {"data.name", "model.network"}),
        (["model.family=ddpm", "model.multipliers=1,1,1,1,1"], {"data.name", "model.multipliers"}),
        (["model.family=ddpm", "data.name=swiss-roll", "model.network=mlp", "model.told=class"],
         {"data.name", "model.told"}),
        (["model.family=ddpm", "model.schedule=custom", "model.betas=0.1,0.2", "model.timesteps=1"],
         {"model.betas", "model.timesteps"}),
        (["model.family=vq", "data.name=sprites", "model.downsamplings=1"], None),
        (["training.batch_size=2000"], {"data.name", "training.batch_size"}),
        (["training.batch_size=100", "data.items=99"], {"data.items", "training.batch_size"}),
    ],
)  # fmt: skip
def test_each_setting_is_named_and_the_remedy_mends_it(changes: list[str], addresses: set[str] | None) -> None:
    config = with_settings(load_settings("digits-vae"), changes)
    found = misfits(config)
    if addresses is None:
        assert not found
        return
    assert set().union(*(set(misfit.addresses) for misfit in found)) == addresses
    for misfit in found:
        if misfit.remedies:
            mended = with_settings(config, [f"{address}={value}" for address, value in misfit.remedies])
            assert misfit not in misfits(mended)
            assert all("set " in misfit.text and f"{address}={value}" in misfit.text
                       for address, value in misfit.remedies)  # fmt: skip
    if addresses.isdisjoint({"training.batch_size"}):
        with pytest.raises(ConfigError) as told:
            check_size(config)
        assert str(told.value) == found[0].text, "the same words as in the form, and before anything is made"
    else:
        check_size(config)


@pytest.mark.parametrize("name", ["digits", "two-moons", "mixture"])
@pytest.mark.parametrize("items", [0, 50, 3000])
def test_the_number_of_training_items_is_known_before_they_are_loaded(name: str, items: int) -> None:
    config = RunConfig.model_validate({"data": {"name": name, "items": items}}).data
    assert CATALOG[name].most_train_items(items) == load(config).train_items  # type: ignore[index]


def test_of_sprites_no_more_are_drawn_than_is_said() -> None:
    config = RunConfig.model_validate({"data": {"name": "sprites", "items": 300, "subset": "shape=0 scale=0 x=0"}}).data
    assert load(config).train_items <= CATALOG["sprites"].most_train_items(300) == 300


@pytest.mark.parametrize(
    ("changes", "address", "words"),
    [
        (["data.name=mixture", "data.mixture=1 2 3", "model.likelihood=gaussian"], "data.mixture", "weight x y σ"),
        (["data.name=mixture", "data.mixture=", "model.likelihood=gaussian"], "data.mixture", "0 components"),
        (["data.name=sprites", "data.subset=colour=1"], "data.subset", "names no factor"),
        (["data.name=sprites", "data.subset=shape=7"], "data.subset", "out of range"),
        (["data.name=drawn", "model.likelihood=gaussian"], "data.drawn", "data.drawn is empty"),
        (["data.name=drawn", "data.drawn=gone", "model.likelihood=gaussian"], "data.drawn", "there is no drawn data"),
    ],
)
def test_data_that_cannot_be_made_are_told_where_they_are_written(changes: list[str], address: str, words: str) -> None:
    [found] = misfits(with_settings(load_settings("digits-vae"), changes))
    assert found.addresses == (address,) and words in found.problem
    assert not found.text.endswith("; ")


def test_what_is_written_for_other_data_is_no_matter() -> None:
    assert not misfits(with_settings(load_settings("digits-vae"), ["data.mixture=nonsense", "data.subset=nonsense"]))
