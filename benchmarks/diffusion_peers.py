"""Steps a second of the app's DDPM, training and sampling, against two peers.

The peers are Hugging Face's diffusers and lucidrains' denoising-diffusion-pytorch.

Needs ``pip install -e .[diffusers]``, and without torchvision, which is not used here,
``pip install --no-deps denoising-diffusion-pytorch ema-pytorch einops accelerate pytorch-fid``.

All train a U-Net of about the same number of weights on the digits, 64 at a time, float32, and sample 16 by all steps.
They alternate slices of a second or two within one process, because shared machines change speed for tens of seconds; a
ratio is the median over neighbours. It also prints what the app's sampler costs beside the network.
"""

import sys
import tempfile
import time
import types
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import torch
from measuring import child, median
from training import _config, loop, print_interleaved

ROUNDS = 12
PRESET = "digits-ddpm"
ALIKE = ("model.told=nothing", "model.dropout=0", "training.precision=float32", "training.log_every=5")
BATCH, DRAWN = 64, 16


def _images() -> Any:
    from explorer.data.batches import to_signed, to_tensor
    from explorer.data.catalog import load

    return to_signed(to_tensor(load("digits").split("train")[0]))


def _batches(images: Any) -> Iterator[Any]:
    while True:
        for index in torch.randperm(len(images)).split(BATCH):
            yield images[index]


def _optimized(network: Any, losses: Iterator[Any], clip: float = 1.0) -> Iterator[int]:
    """Take steps with Adam, clipping and an average of the weights, as the app's loop does."""
    weights = list(network.parameters())
    optimizer = torch.optim.Adam(weights, lr=1e-3, fused=True)
    average = [weight.detach().clone() for weight in weights]
    for step, loss in enumerate(losses, start=1):
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, clip)
        optimizer.step()
        torch._foreach_lerp_(average, [weight.detach() for weight in weights], 0.001)
        yield step


class Diffusers:
    """diffusers' UNet2DModel and DDPMScheduler."""

    def __init__(self, timesteps: int) -> None:
        import diffusers

        self.unet = diffusers.UNet2DModel(
            sample_size=8, in_channels=1, out_channels=1, layers_per_block=2, block_out_channels=(32, 64),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=8, attention_head_dim=32, resnet_time_scale_shift="scale_shift",  # as ours
        )  # fmt: skip
        self.scheduler = diffusers.DDPMScheduler(timesteps, beta_schedule="squaredcos_cap_v2")

    @property
    def network(self) -> Any:
        return self.unet

    def losses(self) -> Iterator[Any]:
        for x0 in _batches(_images()):
            noise, t = torch.randn_like(x0), torch.randint(0, self.scheduler.config.num_train_timesteps, (len(x0),))
            said = self.unet(self.scheduler.add_noise(x0, noise, t), t).sample
            yield torch.nn.functional.mse_loss(said, noise)

    def sampling(self) -> Iterator[None]:
        self.scheduler.set_timesteps(self.scheduler.config.num_train_timesteps)
        while True:
            x = torch.randn(DRAWN, 1, 8, 8)
            for t in self.scheduler.timesteps:
                with torch.inference_mode():
                    x = self.scheduler.step(self.unet(x, t).sample, t, x).prev_sample
                yield


class Lucidrains:
    """lucidrains' Unet and GaussianDiffusion; torchvision, which its module imports for a loader, is not needed."""

    def __init__(self, timesteps: int) -> None:
        for name in ("torchvision", "torchvision.transforms", "torchvision.utils"):
            sys.modules.setdefault(name, types.ModuleType(name))
        sys.modules["torchvision"].transforms = sys.modules["torchvision.transforms"]  # type: ignore[attr-defined]
        sys.modules["torchvision"].utils = sys.modules["torchvision.utils"]  # type: ignore[attr-defined]
        from denoising_diffusion_pytorch import GaussianDiffusion, Unet

        unet = Unet(dim=32, dim_mults=(1, 2), channels=1, full_attn=(False, True))
        self.diffusion = GaussianDiffusion(
            unet, image_size=8, timesteps=timesteps, objective="pred_noise", beta_schedule="cosine"
        )

    @property
    def network(self) -> Any:
        return self.diffusion.model

    def losses(self) -> Iterator[Any]:
        for x0 in _batches((_images() + 1) / 2):
            yield self.diffusion(x0)

    def sampling(self) -> Iterator[None]:
        while True:
            x = torch.randn(DRAWN, 1, 8, 8)
            for t in reversed(range(self.diffusion.num_timesteps)):
                with torch.inference_mode():
                    x, _ = self.diffusion.p_sample(x, t)
                yield


def _ours_sampling(model: Any) -> Iterator[None]:
    from explorer.models.noise import NoiseSource
    from explorer.models.samplers import Denoiser, ancestral

    for seed in count():
        noise = NoiseSource(seed, DRAWN)
        for _ in ancestral(Denoiser(model), noise.draw(model.shape), noise):
            yield


def _counted(steps: Iterator[None]) -> Iterator[int]:
    for step, _ in enumerate(steps, start=1):
        yield step


def training() -> None:
    """Print the training steps a second of all three in alternating slices."""
    config = _config(PRESET, *ALIKE)
    torch.manual_seed(0)
    peers = {peer.__name__: peer(config.model.timesteps) for peer in (Diffusers, Lucidrains)}
    with tempfile.TemporaryDirectory() as folder:
        runs = {name: _optimized(peer.network, peer.losses()) for name, peer in peers.items()}
        print_interleaved({**runs, "loop": loop(PRESET, Path(folder) / "run", *ALIKE)}, ROUNDS)


def sampling() -> None:
    """Print the sampling steps a second of all three in alternating slices, on one thread as in the window."""
    from explorer.models.build import build

    torch.set_num_threads(1)
    config = _config(PRESET, *ALIKE)
    torch.manual_seed(0)
    model = build(config).eval()
    peers = {peer.__name__: peer(config.model.timesteps) for peer in (Diffusers, Lucidrains)}
    for peer in peers.values():
        peer.network.eval()
    print_interleaved(
        {**{name: _counted(peer.sampling()) for name, peer in peers.items()}, "loop": _counted(_ours_sampling(model))},
        ROUNDS,
    )


def weights() -> str:
    """Return how many weights each has."""
    from explorer.models.build import build, parameter_count

    config = _config(PRESET, *ALIKE)
    found = {"ours": parameter_count(build(config))}
    for peer in (Diffusers, Lucidrains):
        found[peer.__name__] = sum(weight.numel() for weight in peer(config.model.timesteps).network.parameters())
    return ", ".join(f"{name} {number:,}" for name, number in found.items())


def overhead() -> float:
    """Return the microseconds of a step of the ancestral sampler beside its network, 16 digits, one thread."""
    from explorer.models.diffusion import Diffusion
    from explorer.models.schedules import cosine_schedule

    class Nothing(torch.nn.Module):
        def forward(self, x: Any, _t: Any) -> Any:
            return x

    torch.set_num_threads(1)
    steps = _ours_sampling(Diffusion(Nothing(), cosine_schedule(500), (1, 8, 8)))
    rates = []
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(500):
            next(steps)
        rates.append((time.perf_counter() - began) / 500 * 1e6)
    return median(rates)


def main() -> None:
    """Compare."""
    import os

    print(f"weights: {weights()}")
    print(f"sampler beside the network: {overhead():.0f} µs a step (wanted < 100)", flush=True)
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "VDX_HOME": home}
        for what in ("training", "sampling"):
            rates = child(__file__, what, env=environment)
            for peer in (Diffusers, Lucidrains):
                pairs = zip(rates[peer.__name__], rates["loop"], strict=True)
                ratio = median([ours / theirs for theirs, ours in pairs])
                print(f"{what}: {ratio:.2f} of {peer.__name__} (wanted >= 1.0)", flush=True)


if __name__ == "__main__":
    actions = {"training": training, "sampling": sampling}
    actions[sys.argv[1]]() if len(sys.argv) == 2 else main()
