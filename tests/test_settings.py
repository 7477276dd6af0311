"""Settings from presets, files and the command line; and what is said of wrong ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.config import MODEL_SECTIONS, DataConfig, DdpmConfig, RunConfig, TrainingConfig, VaeConfig
from explorer.errors import ConfigError, RunError
from explorer.files import parse_json
from explorer.setting import hints, limits, requirement, stepped
from explorer.settings import (
    load_settings,
    preset_names,
    setting_names,
    settings_of,
    titled,
    typed,
    validate,
    with_settings,
)

NUMBERS = {
    f"{section.__name__}.{name}": field
    for section in (DataConfig, *MODEL_SECTIONS.values(), TrainingConfig)
    for name, field in section.model_fields.items()
    if field.annotation in {int, float}
}


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
        ("training.batch_size=0", "training.batch_size = 0: must be from 1 to 65\u00a0536"),
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


# ---- for a form ----------------------------------------------------------------------------------------------------


def test_every_setting_says_what_it_must_be() -> None:
    for preset in preset_names():
        for address, field in settings_of(load_settings(preset)).items():
            assert requirement(field).strip(), address
    assert requirement(VaeConfig.model_fields["beta"]) == "a number from 0 to 1000"
    assert requirement(TrainingConfig.model_fields["batch_size"]) == "a whole number from 1 to 65\u00a0536"
    assert requirement(TrainingConfig.model_fields["checkpoint_seconds"]) == "a number from 1 to 86\u00a0400 s"
    assert requirement(DdpmConfig.model_fields["ema_decay"]) == "a number from 0 to below 1"
    assert requirement(TrainingConfig.model_fields["device"]) == "auto, cpu, mps, cuda or cuda:N"


@pytest.mark.parametrize("name", NUMBERS)
def test_steps_stay_in_range_and_lead_back(name: str) -> None:
    field = NUMBERS[name]
    for up in (True, False):
        value, seen = field.default, [field.default]
        for _ in range(60):
            value = stepped(field, value, up)
            assert limits(field).hold(value) and type(value) is field.annotation
            assert value >= seen[-1] if up else value <= seen[-1]
            seen.append(value)
        assert len(set(seen)) > 1 or not limits(field).hold(field.default + (1 if up else -1)), "it moves"
    if not hints(field).get("log") and field.annotation is int:
        there = stepped(field, field.default, True)
        assert stepped(field, there, False) == field.default


@given(st.integers(0, 10**6))
def test_whole_numbers_step_there_and_back(value: int) -> None:
    field = TrainingConfig.model_fields["seed"]
    step = 10 ** max(0, len(str(value)) - 2)
    assert stepped(field, stepped(field, value, True), False) == value or value % step, "round numbers stay round"
    assert stepped(field, value, True) > value
    assert stepped(field, 2**62 + value, True) > 2**62 + value, "exactly"


def test_texts_of_a_form_are_read_as_people_write() -> None:
    config = load_settings("digits-ladder")
    found, wrong = typed(
        config,
        {
            "training.epochs": " 1 000 ", "training.seed": "1\u00a0000\u00a0000", "model.beta": ".5",
            "model.latent_sizes": "[8, 4]", "training.turns": "5 beta=2", "training.learning_rate": "1e-3",
        },
    )  # fmt: skip
    assert not wrong and found is not None
    assert (found.training.epochs, found.training.seed, found.training.learning_rate) == (1000, 10**6, 1e-3)
    assert found.model.beta == 0.5 and found.model.latent_sizes == (8, 4)  # type: ignore[union-attr]
    assert found.training.turns == "5 beta=2"
    assert typed(config, {"training.epochs": "10 20"})[0] is None, "two numbers are not one"
    found, wrong = typed(config, {"model.latent_sizes": "5", "model.beta": "−3", "training.epochs": "2"})
    assert found is None and wrong == {
        "model.latent_sizes": "Latent sizes must be 2 to 8 whole numbers with commas between them, each from 1 to 512; "
        "you typed 5",
        "model.beta": "β must be from 0 to 1000; you typed −3",
    }


@given(st.text(max_size=60))
def test_no_text_in_a_form_does_harm(text: str) -> None:
    config = load_settings("digits-vae")
    for address in ("training.epochs", "training.learning_rate", "training.turns", "model.network", "data.subset"):
        found, wrong = typed(config, {address: text})
        assert (found is None) == bool(wrong) and set(wrong) <= {address}


def test_a_new_family_leaves_behind_what_it_cannot_use() -> None:
    odd = with_settings(load_settings("digits-beta-vae"), ["model.channels=30", "model.hidden_units=77"])
    changed = with_settings(odd, ["model.family=ddpm"])
    assert isinstance(changed.model, DdpmConfig) and changed.model.channels == DdpmConfig().channels
    assert changed.model.hidden_units == 77


def test_a_title_says_when_it_is_another_model() -> None:
    preset = load_settings("digits-vae")
    longer = with_settings(preset, ["training.epochs=3"])
    other = with_settings(preset, ["model.beta=3"])
    assert titled(longer, preset).title == preset.title
    assert titled(other, preset).title == f"{preset.title}, changed"
    assert titled(titled(other, preset), titled(other, preset)).title == f"{preset.title}, changed"
    mine = other.model_copy(update={"title": "Mine"})
    assert titled(mine, preset).title == "Mine", "who gives a title keeps it"
    long = preset.model_copy(update={"title": "x" * 80})
    assert len(validate(titled(other.model_copy(update={"title": long.title}), long).model_dump(), "it").title) <= 80
