"""Gaussian formulas against torch.distributions, and the laws they must obey."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Bernoulli, ContinuousBernoulli, Independent, Normal, kl_divergence

from explorer.models.gaussian import (
    bernoulli_log_likelihood,
    gaussian_log_likelihood,
    kl_from_standard_normal,
    reparameterize,
)

numbers = st.floats(-5, 5)


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
def test_kl_is_torchs_and_never_negative(pairs: list[tuple[float, float]]) -> None:
    mean, log_var = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    ours = kl_from_standard_normal(mean[None], log_var[None])[0]
    theirs = kl_divergence(Normal(mean, (0.5 * log_var).exp()), Normal(torch.zeros_like(mean), torch.ones_like(mean)))
    assert torch.allclose(ours, theirs, atol=1e-9)
    assert bool((ours >= 0).all())


@pytest.mark.parametrize("tiny", [0.0, 1e-4, -1e-4, 1e-6])
def test_kl_near_zero_keeps_its_digits_in_float32(tiny: float) -> None:
    got = float(kl_from_standard_normal(torch.zeros(1, 1), torch.full((1, 1), tiny)))
    assert got >= 0 and got == pytest.approx(tiny**2 / 4, rel=1e-2, abs=1e-12)


def test_kl_by_monte_carlo() -> None:
    mean, log_var = torch.tensor([[0.7, -1.2]]), torch.tensor([[-0.5, 0.8]])
    noise = torch.randn(400_000, 2, generator=torch.Generator().manual_seed(0))
    q = Normal(mean, (0.5 * log_var).exp())
    z = reparameterize(mean, log_var, noise)
    estimate = q.log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    error = estimate.std(0) / len(noise) ** 0.5
    assert bool(((estimate.mean(0) - kl_from_standard_normal(mean, log_var)[0]).abs() < 4 * error).all())


def test_reparameterized_draws_have_the_moments_and_pass_gradients() -> None:
    mean, log_var = torch.tensor([[2.0]], requires_grad=True), torch.tensor([[1.0]], requires_grad=True)
    z = reparameterize(mean, log_var, torch.randn(200_000, 1, generator=torch.Generator().manual_seed(1)))
    assert float(z.detach().mean()) == pytest.approx(2.0, abs=0.02)
    assert float(z.detach().var()) == pytest.approx(torch.e, rel=0.02)
    z.square().mean().backward()  # E[z²] = μ² + σ²: d/dμ = 2μ, d/d ln σ² = σ²
    assert mean.grad is not None and float(mean.grad) == pytest.approx(4.0, abs=0.05)
    assert log_var.grad is not None and float(log_var.grad) == pytest.approx(torch.e, rel=0.03)


def test_log_likelihoods_are_torchs() -> None:
    generator = torch.Generator().manual_seed(2)
    logits, x = torch.randn(5, 1, 4, 3, generator=generator), torch.rand(5, 1, 4, 3, generator=generator)
    binary = (x > 0.5).float()
    theirs = Independent(Bernoulli(logits=logits), 3).log_prob(binary)
    assert torch.allclose(bernoulli_log_likelihood(binary, logits), theirs, atol=1e-5)
    # For grey x the relaxation is the continuous Bernoulli density without its normalizer.
    continuous = ContinuousBernoulli(logits=logits)
    unnormalized = Independent(continuous, 3).log_prob(x) - continuous._cont_bern_log_norm().flatten(1).sum(1)
    assert torch.allclose(bernoulli_log_likelihood(x, logits), unnormalized, atol=1e-3)
    for sigma in (0.05, 0.2, 3.0):
        theirs = Independent(Normal(logits, sigma), 3).log_prob(x)
        assert torch.allclose(gaussian_log_likelihood(x, logits, sigma), theirs, rtol=1e-5, atol=1e-4)
