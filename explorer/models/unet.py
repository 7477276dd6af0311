"""The U-Net of diffusion models; Ho et al. 2020 (arXiv:2006.11239), App. B, after Ronneberger et al. 2015."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, scaled_dot_product_attention

from explorer.config import DdpmConfig
from explorer.models.diffusion import outputs
from explorer.models.layers import group_norm, mlp, sinusoidal_embedding


class ResidualBlock(nn.Module):
    """Two convolutions with a skip; the time embedding shifts and scales between them."""

    def __init__(self, inputs: int, outputs: int, time_size: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Sequential(group_norm(inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(time_size, 2 * outputs))
        self.norm = group_norm(outputs)
        last = nn.Conv2d(outputs, outputs, 3, padding=1)
        nn.init.zeros_(last.weight)  # each block starts as the identity
        self.second = nn.Sequential(nn.SiLU(), nn.Dropout(dropout), last)
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)
        hidden = torch.addcmul(shift, self.norm(self.first(x)), 1 + scale)
        out: Tensor = self.second(hidden) + self.skip(x)
        return out


class Attention(nn.Module):
    """Self-attention over the pixels, heads of 32 channels where they divide."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // 32 if channels % 32 == 0 else 1
        self.norm = group_norm(channels)
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        qkv = self.to_qkv(self.norm(x)).reshape(batch, 3, self.heads, channels // self.heads, height * width)
        q, k, v = qkv.transpose(-1, -2).unbind(1)
        mixed = scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(batch, channels, height, width)
        out: Tensor = x + self.out(mixed)
        return out


class Level(nn.Module):
    """A residual block, followed by attention where the image is small."""

    def __init__(self, inputs: int, outputs: int, time_size: int, dropout: float, attention: bool) -> None:
        super().__init__()
        self.block = ResidualBlock(inputs, outputs, time_size, dropout)
        self.attention = Attention(outputs) if attention else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        out: Tensor = self.attention(self.block(x, time))
        return out


class UNet(nn.Module):
    """Predict a picture-shaped quantity from x_t, t and the class.

    Images whose sides the strides do not divide are padded with zeros (mid-grey) on the right and below, and the
    answer is cropped.

    Args:
        config: the model section of a run.
        shape: (channels, height, width) of x_t.
        classes: how many classes the network is told; 0 for none.
    """

    def __init__(self, config: DdpmConfig, shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__()
        image_channels, height, width = shape
        channels, multipliers, dropout = config.channels, config.multipliers, config.dropout
        attention_size = config.attention_size
        self.stride = 2 ** (len(multipliers) - 1)
        side = -(-max(height, width) // self.stride) * self.stride
        time_size = 4 * channels
        self.time_channels = channels
        self.time = mlp([channels, time_size, time_size])
        self.classes = nn.Embedding(classes + 1, time_size) if classes else None
        self.stem = nn.Conv2d(image_channels, channels, 3, padding=1)

        widths = [channels * multiplier for multiplier in multipliers]
        attends = [side // 2**level <= attention_size for level in range(len(widths))]
        self.down = nn.ModuleList()
        self.shrink = nn.ModuleList()
        self.up = nn.ModuleList()
        self.grow = nn.ModuleList()
        skips, now = [channels], channels
        for level, width_here in enumerate(widths):
            blocks = nn.ModuleList()
            for _ in range(config.residual_blocks):
                blocks.append(Level(now, width_here, time_size, dropout, attends[level]))
                now = width_here
                skips.append(now)
            self.down.append(blocks)
            if level < len(widths) - 1:
                self.shrink.append(nn.Conv2d(now, now, 3, stride=2, padding=1))
                skips.append(now)
        self.middle = nn.ModuleList(
            [Level(now, now, time_size, dropout, attention_size > 0), Level(now, now, time_size, dropout, False)]
        )
        for level in reversed(range(len(widths))):
            blocks = nn.ModuleList()
            for _ in range(config.residual_blocks + 1):
                blocks.append(Level(now + skips.pop(), widths[level], time_size, dropout, attends[level]))
                now = widths[level]
            self.up.append(blocks)
            if level > 0:
                self.grow.append(nn.Conv2d(now, now, 3, padding=1))
        last = nn.Conv2d(now, outputs(config) * image_channels, 3, padding=1)
        nn.init.zeros_(last.weight)
        self.head = nn.Sequential(group_norm(now), nn.SiLU(), last)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return a picture of the size of x (batch, channels, height, width), float32, for steps t (batch,).

        It has the channels of x, twice as many if the variance is learned; ``labels`` (batch,) are classes.
        """
        height, width = x.shape[-2:]
        x = pad(x, (0, -width % self.stride, 0, -height % self.stride))
        time = self.time(sinusoidal_embedding(t, self.time_channels))
        if self.classes is not None:
            time = time + self.classes(labels)
        hidden = self.stem(x)
        skips = [hidden]
        for level, blocks in enumerate(self.down):
            for block in blocks:  # type: ignore[attr-defined]  # a ModuleList in a ModuleList
                hidden = block(hidden, time)
                skips.append(hidden)
            if level < len(self.shrink):
                hidden = self.shrink[level](hidden)
                skips.append(hidden)
        for block in self.middle:
            hidden = block(hidden, time)
        for level, blocks in enumerate(self.up):
            for block in blocks:  # type: ignore[attr-defined]
                hidden = block(torch.cat([hidden, skips.pop()], dim=1), time)
            if level < len(self.grow):
                hidden = self.grow[level](interpolate(hidden, scale_factor=2.0, mode="nearest"))
        answer: Tensor = self.head(hidden)[..., :height, :width].float()
        return answer
