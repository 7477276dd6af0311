"""Settings from presets, files and the command line; and what is said of wrong ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.config import MODEL_SECTIONS, DdpmConfig, RunConfig, TrainingConfig, VaeConfig
from explorer.errors import ConfigError, RunError
from explorer.files import parse_json
from explorer.settings import load_settings, preset_names, setting_names, validate, with_settings


def test_presets_are_valid_and_named() -> None:
    assert {"digits-vae", "digits-beta-vae", "digits-ddpm"} <= set(preset_names())
    for name in preset_names():
        assert load_settings(name).title != "Untitled"


def test_every_setting_has_a_label_and_a_meaning() -> None:
    for section in (*MODEL_SECTIONS.values(), TrainingConfig):
        for name, field in section.model_fields.items():
            assert field.description, name
            assert isinstance(field.json_schema_extra, dict) and field.json_schema_extra["label"], name


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("training.learning_rate=nan", "training.learning_rate"),
        ("training.learning_rate=inf", "training.learning_rate"),
        ("training.batch_size=0", "greater than or equal to 1"),
        ("training.batch_size=-1", "training.batch_size"),
        ("training.epochs=many", "training.epochs = 'many'"),
        ("training.seed=" + "9" * 5000, "training.seed"),
        ("training.seed=-1", "training.seed"),
        ("training.device=gpu", "training.device"),
        ("model.latent_size=0", "model.latent_size"),
        ("model.bta=3", "did you mean model.beta?"),
        ("model.timesteps=10", "a setting of ddpm"),
        ("model.family=gan", "families are autoencoder, vae"),
        ("model.network=transformer", "model.network"),
        ("data.name=imagenet", "data.name"),
        ("title=", "title"),
        ("nonsense", "setting=value"),
        ("model=3", "there is no setting model"),
    ],
)
def test_wrong_settings_are_named(assignment: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_settings(load_settings("digits-vae"), [assignment])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize("timesteps", ["0", "-1", "1000000000"])
def test_chain_length_is_bounded(timesteps: str) -> None:
    with pytest.raises(ConfigError, match=r"model\.timesteps"):
        with_settings(load_settings("digits-ddpm"), [f"model.timesteps={timesteps}"])


def test_family_changes_with_its_settings_in_any_order() -> None:
    changed = with_settings(load_settings("digits-vae"), ["model.timesteps=7", "model.family=ddpm"])
    assert isinstance(changed.model, DdpmConfig) and changed.model.timesteps == 7
    back = with_settings(changed, ["model.family=vae", "model.beta=2.5"])
    assert isinstance(back.model, VaeConfig) and back.model.beta == 2.5


def test_toml_file_is_read_like_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "Mine"\n[model]\nfamily = "vae"\nbeta = 7.5\n')
    config = load_settings(str(path))
    assert config.title == "Mine" and isinstance(config.model, VaeConfig) and config.model.beta == 7.5


@pytest.mark.parametrize(
    ("text", "words"),
    [("a = [", "not readable TOML"), ("a = 1\na = 2\n", "not readable TOML"), ("[model]\nbeta = 2\n", "family")],
)
def test_broken_toml_is_explained(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_settings(str(path))


def test_unknown_preset_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match="digits-beta-vae"):
        load_settings("digits-gan")


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', '{"a":NaN}', "[1,", "[" * 100_000, b"\xff\xfe"])
def test_hostile_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(RunError):
        parse_json(text, "run.json")


@given(st.floats(0, 1000), st.integers(1, 512), st.integers(0, 2**63 - 1))
def test_configuration_survives_json(beta: float, latent_size: int, seed: int) -> None:
    model = VaeConfig(beta=beta, latent_size=latent_size)
    config = RunConfig(model=model, training=TrainingConfig(seed=seed))
    assert validate(parse_json(config.model_dump_json(), "text"), "text") == config


def test_setting_names_are_unique_and_addressed() -> None:
    names = setting_names()
    assert len(names) == len(set(names))
    assert {"data.name", "model.family", "model.beta", "model.timesteps", "training.seed"} <= set(names)


def test_a_setting_that_would_not_matter_is_refused_on_request() -> None:
    preset = load_settings("digits-vae")
    for assignment, words in (
        ("data.subset=shape=0", "only where data.name is sprites"),
        ("model.sigma=0.5", "only where model.likelihood is gaussian"),
        ("model.channels=8", "convolutional or residual"),
    ):
        with pytest.raises(ConfigError, match=words):
            with_settings(preset, [assignment], strict=True)
        with_settings(preset, [assignment])
    fits = with_settings(preset, ["model.sigma=0.5", "model.likelihood=gaussian"], strict=True)
    assert fits.model.sigma == 0.5  # type: ignore[union-attr]


def test_lists_are_written_plainly_or_in_brackets() -> None:
    for text in ("8,4,2", "[8, 4, 2]", " 8 , 4 , 2"):
        config = with_settings(load_settings("digits-ladder"), [f"model.latent_sizes={text}"])
        assert config.model.latent_sizes == (8, 4, 2)  # type: ignore[union-attr]


def test_lists_of_numbers_are_written_with_commas() -> None:
    changed = with_settings(load_settings("digits-ddpm"), ["model.schedule=custom", "model.betas=0.1, 2e-1,0.5"])
    assert isinstance(changed.model, DdpmConfig) and changed.model.betas == (0.1, 0.2, 0.5)
