"""What is said of models: two of one title are told apart, by as little as it takes."""

from explorer.messages import ModelCard
from explorer.ui.facts import byte_size, told_apart


def card(path: str, title: str, created: str) -> ModelCard:
    return ModelCard(path, title, "vae", "VAE", "digits", path, False, {}, {}, created, 0)


def marks(*created: str) -> list[str]:
    names = told_apart([card(f"run{k}", "β-VAE", at) for k, at in enumerate(created)])
    assert all(name.startswith("β-VAE · ") for name in names.values()) and len(set(names.values())) == len(created)
    return [name.removeprefix("β-VAE · ") for name in names.values()]


def test_a_title_of_its_own_stays_as_it_is() -> None:
    assert told_apart([card("a", "VAE", ""), card("b", "DDPM", "")]) == {"a": "VAE", "b": "DDPM"}


def test_runs_of_one_title_are_told_apart_by_as_little_as_it_takes() -> None:
    days = marks("2026-11-20T12:00:00Z", "2026-11-21T12:00:00Z")
    assert [len(mark) for mark in days] == [10, 10] and days[0] < days[1]
    minutes = marks("2026-11-20T12:00:00Z", "2026-11-20T12:05:00Z")
    assert [len(mark) for mark in minutes] == [5, 5] and minutes[0][:2] == minutes[1][:2]
    seconds = marks("2026-11-20T12:00:01Z", "2026-11-20T12:00:02Z")
    assert [mark[-3:] for mark in seconds] == [":01", ":02"]
    assert marks("2026-11-20T12:00:01Z", "2026-11-20T12:00:01Z") == ["run0", "run1"]
    assert marks("", "") == ["run0", "run1"], "a record may say anything"


def test_sizes_read_well() -> None:
    assert [byte_size(size) for size in (2_340_000, 1_250_000_000)] == ["2 MB", "1.2 GB"]
