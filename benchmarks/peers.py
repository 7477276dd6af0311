"""Steps a second of the app's loop against pythae's trainer, the same networks on the same digits and batches.

Needs ``pip install -e .[peers]``. The two trainings alternate slices of a second within one process, because shared
machines change speed for tens of seconds; the ratio is the median over neighbours. pythae has no conditional VAE and no
ladder VAE (its HVAE is another model), so those are not compared.
"""

import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring import child, median
from training import _config, loop, print_interleaved

ROUNDS = 15
COMPARED = {
    "digits-autoencoder": "AE",
    "digits-vae": "VAE",
    "digits-beta-vae": "BetaVAE",
    "digits-vq": "VQVAE",
}
# pythae has no prior over codes: a second training must follow. The table is the nearest thing the app has to none.
CHANGES = {"digits-vq": ("model.prior=categorical",)}


def _their_model(preset: str) -> Any:
    """Return pythae's model around the encoder and decoder that the app builds for a preset."""
    from pythae import models
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    from explorer.models.build import build

    config = _config(preset)
    ours = build(config)

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = ours.encoder

        def forward(self, x: Any) -> Any:
            if preset in {"digits-vae", "digits-beta-vae"}:
                mean, log_var = self.network(x).chunk(2, dim=1)
                return ModelOutput(embedding=mean, log_covariance=log_var)
            return ModelOutput(embedding=self.network(x))

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = ours.decoder

        def forward(self, z: Any) -> Any:
            return ModelOutput(reconstruction=self.network(z).sigmoid())

    shape, name = ours.shape, COMPARED[preset]
    size = getattr(config.model, "latent_size", 8)
    options: dict[str, Any] = {"input_dim": shape, "latent_dim": size}
    if name in {"VAE", "BetaVAE"}:
        options["reconstruction_loss"] = "bce" if config.model.likelihood == "bernoulli" else "mse"
    if name == "BetaVAE":
        options["beta"] = config.model.beta
    if name == "VQVAE":
        options |= {"num_embeddings": config.model.codebook_size, "use_ema": True}
        options["latent_dim"] = config.model.code_size
    return getattr(models, name)(getattr(models, f"{name}Config")(**options), encoder=Encoder(), decoder=Decoder())


def theirs(preset: str, folder: Path) -> Iterator[int]:
    """Train with pythae's trainer; yield the steps done after each of its epochs."""
    import torch
    from pythae.data.datasets import BaseDataset
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    from explorer.data.batches import to_tensor, to_unit
    from explorer.data.catalog import load

    logging.disable()
    config = _config(preset)
    values, labels = load(config.data).split("train")
    data = BaseDataset(to_unit(to_tensor(values)), torch.from_numpy(labels))
    settings = BaseTrainerConfig(
        output_dir=str(folder), per_device_train_batch_size=config.training.batch_size, no_cuda=True,
        learning_rate=config.training.learning_rate,
    )  # fmt: skip
    trainer = BaseTrainer(_their_model(preset), data, training_config=settings)
    trainer.prepare_training()
    trainer.callback_handler.callbacks.clear()  # its progress bars
    epoch = 0
    while True:
        epoch += 1
        trainer.train_step(epoch)
        yield epoch * len(trainer.train_loader)


def pair(preset: str) -> None:
    """Print the steps a second of both in alternating slices."""
    with tempfile.TemporaryDirectory() as folder:
        ours = loop(preset, Path(folder) / "run", *CHANGES.get(preset, ()))
        print_interleaved({"pythae": theirs(preset, Path(folder) / "theirs"), "loop": ours}, ROUNDS)


def main() -> None:
    """Compare."""
    import os

    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "VDX_HOME": home}
        for preset in sys.argv[1:] or COMPARED:
            rates = child(__file__, "pair", preset, env=environment)
            ratio = median([b / a for a, b in zip(rates["pythae"], rates["loop"], strict=True)])
            print(f"{preset}: {ratio:.2f} of pythae's {COMPARED[preset]} (wanted >= 0.95)", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "pair":
        pair(sys.argv[2])
    else:
        main()
