"""Steps a second: the app's loop against a bare torch loop, under the visible Train page against an idle one, and two
ranks of a thread each against one rank of two threads.

Shared machines change speed by half for tens of seconds, so each comparison alternates slices of a second within one
process and takes the median of the ratios of neighbours; of the ranks, the processes of one side sleep while those of
the other train. ``training.py [PRESET …]`` does all of it, ``training.py loop|window|ranks [PRESET …]`` a part.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from measuring import child, median, percentile, screen

PRESETS = (
    "digits-vae", "digits-beta-vae", "digits-autoencoder", "digits-conditional", "digits-ladder", "digits-vq",
    "digits-ddpm", "points-vae", "points-ddpm", "sprites-beta-vae",
)  # fmt: skip
WITH_WINDOW = ("digits-vae", "digits-beta-vae", "digits-ddpm")
WITH_RANKS = ("digits-beta-vae", "digits-ddpm", "sprites-beta-vae")
ROUNDS = int(os.environ.get("ROUNDS", "20"))


def _config(preset: str, *changes: str) -> Any:
    from explorer.settings import load_settings, with_settings

    fixed = ["training.epochs=100000", "training.precision=float32", "training.device=cpu"]
    return with_settings(load_settings(preset), [*fixed, *changes])


def _bare_loss(model: Any, x: Any, labels: Any, beta: float) -> Any:
    """Return the loss of a model with a latent space, in the fewest lines that its family allows."""
    import torch

    from explorer.models.autoencoder import Autoencoder
    from explorer.models.vae import VAE
    from explorer.models.vq_vae import VQVAE

    if isinstance(model, Autoencoder):
        return -model.likelihood.log_prob(x, model.decoder(model.encoder(x))).mean()
    if isinstance(model, VQVAE):
        found = model.quantize(x)
        seeds = torch.randint(len(found.z_e), (len(model.codebook.uses),))
        model.codebook.update(model.codebook.statistics(found.z_e, found.codes.flatten(), seeds))
        return (model.commitment * found.commitment - found.log_likelihood + found.code_nats.sum(1)).mean()
    if isinstance(model, VAE):
        mean, log_var = model.encode(x)
        z = mean + (0.5 * log_var).exp() * torch.randn_like(mean)
        kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum()
        return (beta * kl - model.log_likelihood(x, z).sum()) / len(x)
    log_likelihood, kl = model(x, labels, torch.randn(len(x), model.latent_size))
    return (beta * kl.sum(1) - log_likelihood).mean()


def bare(preset: str) -> Iterator[int]:
    """Train the same network on the same batches with the fewest lines torch allows; yield the steps done."""
    import torch

    from explorer.data.batches import to_signed, to_tensor, to_unit
    from explorer.data.catalog import CATALOG, load
    from explorer.models.build import build
    from explorer.models.diffusion import Diffusion
    from explorer.pressure import full_beta

    config = _config(preset)
    torch.manual_seed(0)
    data = load(config.data)
    values, classes = data.split("train")
    images, labels = to_tensor(values), torch.from_numpy(classes)
    model = build(config)
    if not isinstance(model, Diffusion):
        model.to(memory_format=torch.channels_last)  # as the app does
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=config.training.learning_rate, fused=True)
    average = [weight.detach().clone() for weight in weights] if isinstance(model, Diffusion) else []
    alpha_bar = model.schedule.alpha_bar.float() if isinstance(model, Diffusion) else None  # told nothing, predicts ε
    step, beta = 0, full_beta(config, CATALOG[config.data.name].shape)
    while True:
        for index in torch.randperm(len(images)).split(config.training.batch_size):
            batch = images[index]
            if alpha_bar is not None:
                x0 = to_signed(batch)
                t = torch.randint(1, len(alpha_bar), (len(x0),))
                noise = torch.randn_like(x0)
                bar = alpha_bar[t][:, None, None, None]
                loss = torch.nn.functional.mse_loss(model(bar.sqrt() * x0 + (1 - bar).sqrt() * noise, t), noise)
            else:
                loss = _bare_loss(model, to_unit(batch), labels[index], beta)
            optimizer.zero_grad()
            loss.backward()
            if config.training.gradient_clip:
                torch.nn.utils.clip_grad_norm_(weights, config.training.gradient_clip)
            optimizer.step()
            if average:
                torch._foreach_lerp_(average, weights, 0.001)
            step += 1
            yield step


def loop(preset: str, folder: Path, *changes: str) -> Iterator[int]:
    """Train with the app's loop and nobody watching; yield the steps done, as often as it says something."""
    from explorer import runs
    from explorer.training.loop import train

    for message in train(runs.create(_config(preset, *changes), folder)):
        if getattr(message, "measurement", None) is not None:
            yield message.measurement.step


def slice_of(steps: Iterator[int], last: int, seconds: float = 1.0) -> tuple[float, int]:
    """Let a training go on for a while and return its steps a second and the last step."""
    began, now = time.perf_counter(), last
    while time.perf_counter() - began < seconds:
        now = next(steps)
    return (now - last) / (time.perf_counter() - began), now


def print_interleaved(trainings: dict[str, Iterator[int]], rounds: int) -> None:
    """Print the steps a second of trainings in alternating slices, and end the one called "loop"."""
    last = dict.fromkeys(trainings, 0)
    rates: dict[str, list[float]] = {name: [] for name in trainings}
    for attempt in range(rounds + 2):
        for name, steps in trainings.items():
            rate, last[name] = slice_of(steps, last[name])
            if attempt > 1:
                rates[name].append(rate)
    trainings["loop"].close()  # type: ignore[attr-defined]
    print(json.dumps(rates))


def pair(preset: str) -> None:
    """Print the steps a second of the bare loop and of the app's loop in alternating slices."""
    with tempfile.TemporaryDirectory() as folder:
        print_interleaved({"bare": bare(preset), "loop": loop(preset, Path(folder) / "run")}, ROUNDS)


def window(preset: str) -> None:
    """Print the steps a second while the window lives and while its thread sleeps, in alternating slices."""
    from PySide6.QtCore import QElapsedTimer, QEventLoop, Qt, QTimer
    from PySide6.QtTest import QTest

    from explorer import metrics
    from explorer.ui.app import make_application
    from explorer.ui.main_window import MainWindow
    from explorer.ui.train_page import TrainPage

    application = make_application("dark")
    shown = MainWindow()
    shown.show()
    QTest.qWaitForWindowExposed(shown)
    page = shown.show_page("train")
    assert isinstance(page, TrainPage)
    every = 1 if preset == "digits-ddpm" else 20
    page.form.set_config(_config(preset, f"training.log_every={every}"))
    page.start()
    while page.progress is None or page.progress.measurement.step < 30:
        application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.02)
    assert page.folder is not None
    lines, seconds = page.folder / metrics.METRICS, 3.0 if preset == "digits-ddpm" else 1.0

    def step() -> int:
        return int(json.loads(lines.read_text().splitlines()[-2])["step"])

    clock, beats, heart = QElapsedTimer(), [], QTimer()
    heart.setTimerType(Qt.TimerType.PreciseTimer)
    heart.timeout.connect(lambda: beats.append(clock.nsecsElapsed() / 1e6) or clock.restart())
    rates: dict[str, list[float]] = {"alone": [], "window": []}
    for _ in range(ROUNDS):
        for name, measured in rates.items():
            first, began = step(), time.perf_counter()
            if name == "alone":
                time.sleep(seconds)
            else:
                clock.start()
                heart.start(10)
                living = QEventLoop()  # quitting the application would close the window
                QTimer.singleShot(int(seconds * 1000), living.quit)
                living.exec()
                heart.stop()
            measured.append((step() - first) / (time.perf_counter() - began))
    shown.close()
    print(json.dumps({**rates, "beats": beats}))


def steps(preset: str) -> None:
    """Be a rank: train, and after every slice print its steps a second and sleep until a line comes in."""
    from explorer import runs
    from explorer.training.distributed import ALONE, Together, assist
    from explorer.training.launch import launched
    from explorer.training.loop import train
    from explorer.training.ranks import Ranks

    launch = launched()
    team = ALONE if launch is None else Together(Ranks(launch))
    config = _config(preset, "training.log_every=1000")
    if isinstance(team, Together) and team.ranks.rank:
        assist(team, config, lambda: False)
        team.ranks.leave()
        return
    done, began = 0, time.perf_counter()

    def gate() -> bool:
        nonlocal done, began
        done += 1
        if (seconds := time.perf_counter() - began) < 1:
            return False
        print(json.dumps(done / seconds), flush=True)
        ended = not sys.stdin.readline()
        done, began = 0, time.perf_counter()
        return ended

    with tempfile.TemporaryDirectory() as folder:
        for _ in train(runs.create(config, Path(folder) / "run"), should_stop=gate, team=team):
            pass
    if isinstance(team, Together):
        team.ranks.leave()


def ranks(preset: str, home: str) -> None:
    """Print how two ranks × 1 thread compare with one rank × 2 threads at the same batch."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", __file__]
    sides = {
        name: subprocess.Popen(
            [*command, "steps", preset],
            env={**os.environ, "VDX_HOME": home, "OMP_NUM_THREADS": threads},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name, command, threads in (("one", [sys.executable, __file__], "2"), ("two", launcher, "1"))
    }  # fmt: skip
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        json.loads(side.stdout.readline())  # type: ignore[union-attr]  # all have begun, and sleep
    for attempt in range(ROUNDS + 2):
        for name, side in sides.items():
            side.stdin.write("\n")  # type: ignore[union-attr]
            side.stdin.flush()  # type: ignore[union-attr]
            rate = json.loads(side.stdout.readline())  # type: ignore[union-attr]
            if attempt > 1:
                rates[name].append(rate)
    for side in sides.values():
        side.communicate()
    ratio = median([b / a for a, b in zip(rates["one"], rates["two"], strict=True)])
    print(
        f"{preset}: 2 ranks × 1 thread {ratio:.2f} of 1 rank × 2 threads "
        f"({median(rates['two']):,.0f} and {median(rates['one']):,.0f} steps/s)",
        flush=True,
    )


def compare_loop(preset: str, environment: dict[str, str]) -> None:
    """Print how the app's loop compares with a bare one."""
    rates = child(__file__, "pair", preset, env=environment)
    ratio = median([b / a for a, b in zip(rates["bare"], rates["loop"], strict=True)])
    print(f"{preset}: loop {ratio:.2f} of bare (wanted >= 0.95), {median(rates['loop']):,.0f} steps/s", flush=True)


def compare_window(preset: str, environment: dict[str, str]) -> None:
    """Print how training under the window compares with training alone, and how the window lives meanwhile."""
    found = child(__file__, "beside", preset, env=environment)
    ratios = [b / a for a, b in zip(found["alone"], found["window"], strict=True) if a > 0]
    beats = found["beats"]
    if not ratios or not beats:
        print(f"{preset}: no step was taken in a slice of a second; the machine is too busy to compare", flush=True)
        return
    ratio = median(ratios)
    print(
        f"{preset}: with the window {ratio:.2f} of without (wanted >= 0.85); "
        f"heartbeat p99 {percentile(beats, 0.99):.0f} ms (wanted <= 40), worst {max(beats):.0f} ms",
        flush=True,
    )


def main(part: str, presets: list[str]) -> None:
    """Compare."""
    with tempfile.TemporaryDirectory() as home:
        if part in {"", "loop", "window"}:
            with screen() if part != "loop" else nullcontext(dict(os.environ)) as shown:
                environment = {**shown, "VDX_HOME": home}
                for preset in presets or PRESETS:
                    if part != "window":
                        compare_loop(preset, environment)
                    if part != "loop" and preset in WITH_WINDOW:
                        compare_window(preset, environment)
        if part in {"", "ranks"}:
            for preset in presets or WITH_RANKS:
                ranks(preset, home)


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] in [["pair"], ["beside"], ["steps"]]:
        {"pair": pair, "beside": window, "steps": steps}[words[0]](words[1])
    elif words[:1] in [["loop"], ["window"], ["ranks"]]:
        main(words[0], words[1:])
    else:
        main("", words)
