"""The U-Net's shapes and beginnings."""

import pytest
import torch

from explorer.config import DdpmConfig
from explorer.models.layers import sinusoidal_embedding
from explorer.models.unet import Attention, UNet


@pytest.mark.parametrize(
    ("shape", "multipliers"),
    [
        ((1, 8, 8), (1, 2)),
        ((1, 28, 28), (1, 2, 2)),
        ((3, 32, 32), (1, 2, 2, 2)),
        ((1, 7, 10), (1, 2)),
        ((3, 5, 5), (1,)),
    ],
)
def test_any_size_that_fits_or_is_padded(shape: tuple[int, int, int], multipliers: tuple[int, ...]) -> None:
    net = UNet(DdpmConfig(channels=8, multipliers=multipliers, residual_blocks=1), shape)
    x, t = torch.randn(2, *shape), torch.tensor([1, 1000])
    assert net(x, t).shape == x.shape
    for weight in net.parameters():
        torch.nn.init.normal_(weight, std=0.2)  # what starts at zero would hide t
    assert not torch.allclose(net(x, t), net(x, torch.tensor([500, 2]))), "it must see t"


def test_it_starts_by_predicting_nothing() -> None:
    net = UNet(DdpmConfig(channels=8, residual_blocks=1), (1, 8, 8))
    assert float(net(torch.randn(2, 1, 8, 8), torch.tensor([3, 4])).detach().abs().max()) < 0.5


def test_attention_sits_only_where_the_image_is_small() -> None:
    def count(size: int) -> int:
        net = UNet(DdpmConfig(channels=8, multipliers=(1, 2), residual_blocks=2, attention_size=size), (1, 16, 16))
        return sum(isinstance(module, Attention) for module in net.modules())

    assert count(0) == 0 and count(4) == 1 and count(8) == 1 + 2 + 3 and count(16) == 1 + 5 + 5


def test_attention_is_over_pixels() -> None:
    torch.manual_seed(0)
    layer = Attention(8)
    torch.nn.init.normal_(layer.out.weight)
    x = torch.randn(1, 8, 3, 3)
    shuffled = torch.randperm(9)
    permuted = x.flatten(2)[..., shuffled].reshape(x.shape)
    assert torch.allclose(layer(x).flatten(2)[..., shuffled], layer(permuted).flatten(2), atol=1e-5)


def test_time_embedding_tells_steps_apart() -> None:
    embedded = sinusoidal_embedding(torch.arange(1, 1001), 32)
    assert embedded.shape == (1000, 32)
    distances = torch.cdist(embedded, embedded) + 10 * torch.eye(1000)
    assert float(distances.min()) > 0.1
