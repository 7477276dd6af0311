"""Images a second: a bare torch loop, the app's loop, and the app's loop under the visible Train page; A B C A B C."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from measuring import child, median, percentile, screen

SECONDS = 12.0
PRESETS = ("digits-vae", "digits-beta-vae", "digits-ddpm")


def _config(preset: str):  # type: ignore[no-untyped-def]
    from explorer.settings import load_settings, with_settings

    changes = ["training.epochs=100000", "training.precision=float32", "training.device=cpu"]
    return with_settings(load_settings(preset), changes)


def bare(preset: str) -> None:
    """Train the same network on the same batches with the fewest lines torch allows."""
    import torch

    from explorer.data.batches import to_tensor
    from explorer.data.catalog import load
    from explorer.models.build import build
    from explorer.models.diffusion import Diffusion

    config = _config(preset)
    torch.manual_seed(0)
    data = load("digits")
    images = to_tensor(data.split("train")[0])
    model = build(config, data.shape)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.training.learning_rate, fused=True)
    average = [weight.detach().clone() for weight in model.parameters()] if isinstance(model, Diffusion) else []
    alpha_bar = model.schedule.alpha_bar.float() if isinstance(model, Diffusion) else None
    seen, began = 0, 0.0
    step = 0
    while True:
        for index in torch.randperm(len(images)).split(config.training.batch_size):
            batch = images[index].float()
            if alpha_bar is not None:
                x0 = batch / 127.5 - 1
                t = torch.randint(1, len(alpha_bar), (len(x0),))
                noise = torch.randn_like(x0)
                bar = alpha_bar[t][:, None, None, None]
                loss = torch.nn.functional.mse_loss(model(bar.sqrt() * x0 + (1 - bar).sqrt() * noise, t), noise)
            else:
                x = batch / 255
                mean, log_var = model.encode(x)
                z = mean + (0.5 * log_var).exp() * torch.randn_like(mean)
                kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum()
                loss = (config.model.beta * kl - model.log_likelihood(x, z).sum()) / len(x)
            optimizer.zero_grad()
            loss.backward()
            if config.training.gradient_clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), config.training.gradient_clip)
            optimizer.step()
            if average:
                torch._foreach_lerp_(average, list(model.parameters()), 0.001)
            step += 1
            if step == 50:
                seen, began = 0, time.perf_counter()
            seen += len(index)
            if step > 50 and time.perf_counter() - began > SECONDS:
                print(json.dumps({"rate": seen / (time.perf_counter() - began)}))
                return


def loop(preset: str) -> None:
    """Train with the app's loop and nobody watching."""
    from explorer import runs
    from explorer.training.loop import train

    with tempfile.TemporaryDirectory() as folder:
        run = runs.create(_config(preset), Path(folder) / "run")
        steps, began = 0, 0.0
        for message in train(run):
            measurement = getattr(message, "measurement", None)
            if measurement is None or measurement.split != "train":
                continue
            if measurement.step >= 50 and not began:
                steps, began = measurement.step, time.perf_counter()
            if began and time.perf_counter() - began > SECONDS:
                batches = measurement.step - steps
                print(json.dumps({"rate": batches * 1500 / 24 / (time.perf_counter() - began)}), flush=True)
                os._exit(0)


def window(preset: str) -> None:
    """Train under the visible Train page, and measure how evenly the window's clock beats meanwhile."""
    from PySide6.QtCore import QElapsedTimer, QEventLoop, Qt, QTimer
    from PySide6.QtTest import QTest

    from explorer.ui.app import make_application
    from explorer.ui.main_window import MainWindow
    from explorer.ui.train_page import TrainPage

    application = make_application("dark")
    shown = MainWindow()
    shown.show()
    QTest.qWaitForWindowExposed(shown)
    page = shown.show_page("train")
    assert isinstance(page, TrainPage)
    page.form.set_config(_config(preset))
    page.start()

    def step() -> int:
        return page.progress.measurement.step if page.progress is not None else 0

    while step() < 50:
        application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
    clock, beats, heart = QElapsedTimer(), [], QTimer()
    heart.setTimerType(Qt.TimerType.PreciseTimer)
    heart.timeout.connect(lambda: beats.append(clock.nsecsElapsed() / 1e6) or clock.restart())
    first, began = step(), time.perf_counter()
    clock.start()
    heart.start(10)
    end = QTimer()
    end.setSingleShot(True)
    end.timeout.connect(application.quit)
    end.start(int(SECONDS * 1000))
    application.exec()
    rate = (step() - first) * 1500 / 24 / (time.perf_counter() - began)
    shown.close()
    print(json.dumps({"rate": rate, "beats": beats}), flush=True)


def main() -> None:
    """Compare."""
    with screen() as shown, tempfile.TemporaryDirectory() as home:
        environment = {**shown, "VDX_HOME": home}
        for preset in sys.argv[1:] or PRESETS:
            rates: dict[str, list[float]] = {"bare": [], "loop": [], "window": []}
            beats: list[float] = []
            for _ in range(3):
                for kind, measured in rates.items():
                    found = child(__file__, kind, preset, env=environment)
                    measured.append(found["rate"])
                    beats += found.get("beats", [])
            a, b, c = (median(measured) for measured in rates.values())
            print(
                f"{preset}: bare {a:,.0f} images/s, loop {b:,.0f} = {b / a:.2f} of bare (wanted >= 0.95), "
                f"with window {c:,.0f} = {c / b:.2f} of loop (wanted >= 0.85); heartbeat p99 "
                f"{percentile(beats, 0.99):.0f} ms (wanted <= 40), worst {max(beats):.0f} ms",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in {"bare", "loop", "window"}:
        {"bare": bare, "loop": loop, "window": window}[sys.argv[1]](sys.argv[2])
    else:
        main()
