"""What a diffusion network may be asked for: μ̃ (A), x_0 (B), ε (C) or v. Each is affine in any other, given x_t."""

from dataclasses import dataclass

from torch import Tensor

from explorer.config import Prediction

Number = float | Tensor


@dataclass(frozen=True)
class Coefficients:
    """x_t = signal·x_0 + noise·ε and μ̃ = mean_x0·x_0 + mean_x_t·x_t, at one t or at one t per item.

    Attributes:
        signal: √ᾱ_t.
        noise: √(1−ᾱ_t).
        mean_x0: √ᾱ_{t−1} β_t/(1−ᾱ_t).
        mean_x_t: √α_t (1−ᾱ_{t−1})/(1−ᾱ_t); Ho et al. 2020, eq. 7.
    """

    signal: Number
    noise: Number
    mean_x0: Number
    mean_x_t: Number

    def marginal(self, x0: Tensor, eps: Tensor) -> Tensor:
        """Return x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε, a draw from q(x_t|x_0); Ho et al. 2020, eq. 4. Shapes alike."""
        return self.signal * x0 + self.noise * eps

    def mean(self, x0: Tensor, x_t: Tensor) -> Tensor:
        """Return μ̃, the mean of q(x_{t−1}|x_t, x_0); Ho et al. 2020, eq. 7. Shapes alike."""
        return self.mean_x0 * x0 + self.mean_x_t * x_t

    def eps(self, x0: Tensor, x_t: Tensor) -> Tensor:
        """Return ε = (x_t − √ᾱ_t x_0)/√(1−ᾱ_t). Shapes alike."""
        return (x_t - self.signal * x0) / self.noise

    def target(self, predicts: Prediction, x0: Tensor, eps: Tensor, x_t: Tensor) -> Tensor:
        """Return what the network should say where x_0, ε and x_t are known. Shapes alike.

        v = √ᾱ_t ε − √(1−ᾱ_t) x_0; Salimans & Ho 2022 (arXiv:2202.00512), App. D.
        """
        if predicts == "eps":
            return eps
        if predicts == "x0":
            return x0
        if predicts == "v":
            return self.signal * eps - self.noise * x0
        return self.mean(x0, x_t)

    def x0(self, predicts: Prediction, said: Tensor, x_t: Tensor) -> Tensor:
        """Return x̂_0 from what the network said: ``target`` solved for x_0. Shapes alike."""
        if predicts == "eps":
            return (x_t - self.noise * said) / self.signal
        if predicts == "x0":
            return said
        if predicts == "v":
            return self.signal * x_t - self.noise * said
        return (said - self.mean_x_t * x_t) / self.mean_x0
