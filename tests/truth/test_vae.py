"""The VAE's ELBO against Monte Carlo, numerical integration and autograd."""

import pytest
import torch
from torch.distributions import Independent, Normal

from explorer.config import VaeConfig
from explorer.data.batches import to_unit
from explorer.models.gaussian import kl_from_standard_normal, reparameterize
from explorer.models.vae import VAE
from explorer.training.draws import Draws
from explorer.training.objectives import Average, Pressure, vae_terms

SHAPE = (1, 8, 8)


def images(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("network", ["mlp", "convolutional"])
@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_terms_add_up(likelihood: str, network: str, beta: float) -> None:
    torch.manual_seed(0)
    config = VaeConfig(likelihood=likelihood, network=network, beta=beta, hidden_units=16, channels=4)
    model = VAE(config, SHAPE)
    result = vae_terms(model, images(6), None, Draws(torch.Generator().manual_seed(0)), Pressure(beta))
    average = Average()
    average.add(result, 6)
    named, per_dimension = average.values()
    assert named["elbo"] == pytest.approx(named["reconstruction"] - named["kl"], rel=1e-5)
    assert named["objective"] == pytest.approx(-named["reconstruction"] + beta * named["kl"], rel=1e-5)
    assert float(result.loss.detach()) == pytest.approx(named["objective"], rel=1e-5)
    assert sum(per_dimension) == pytest.approx(named["kl"], rel=1e-5)
    with torch.no_grad():  # the same draw, by hand
        x, noise = to_unit(images(6)), torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
        mean, log_var = model.encode(x)
        assert named["kl"] == pytest.approx(float(kl_from_standard_normal(mean, log_var).sum(1).mean()), rel=1e-5)
        drawn = model.log_likelihood(x, reparameterize(mean, log_var, noise))
        assert named["reconstruction"] == pytest.approx(float(drawn.mean()), rel=1e-5)


def test_elbo_is_the_monte_carlo_average_and_below_the_evidence() -> None:
    """ELBO = E_q[ln p(x|z) + ln p(z) − ln q(z|x)] by sampling, and ln p(x) by integrating z over a fine grid."""
    torch.manual_seed(1)
    model = VAE(VaeConfig(latent_size=1, likelihood="gaussian", sigma=0.5, hidden_units=8), (1, 2, 2)).double()
    x = to_unit(torch.randint(0, 256, (1, 1, 2, 2), dtype=torch.uint8)).double()
    with torch.no_grad():
        mean, log_var = (part.double() for part in model.encode(x))
        noise = torch.randn(100_000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        z = reparameterize(mean, log_var, noise)
        log_likelihood = model.log_likelihood(x.expand(len(z), -1, -1, -1), z).double()
        prior, q = Normal(0.0, 1.0).log_prob(z)[:, 0], Normal(mean, (0.5 * log_var).exp()).log_prob(z)[:, 0]
        sampled = log_likelihood + prior - q
        closed = log_likelihood.mean() - kl_from_standard_normal(mean, log_var).sum()
        assert float(closed) == pytest.approx(float(sampled.mean()), abs=4 * float(sampled.std()) / len(z) ** 0.5)
        grid = torch.linspace(-8, 8, 20_001, dtype=torch.float64)[:, None]
        joint = (
            model.log_likelihood(x.expand(len(grid), -1, -1, -1), grid).double() + Normal(0.0, 1.0).log_prob(grid)[:, 0]
        )
        evidence = torch.logsumexp(joint, 0) + torch.log(grid[1, 0] - grid[0, 0])
    assert float(closed) < float(evidence)


def test_gap_is_the_kl_to_the_true_posterior() -> None:
    """With a linear decoder everything is Gaussian: ln p(x) − ELBO = KL(q ‖ p(z|x)) to six digits."""
    sigma, latent, pixels = 0.7, 2, 4
    torch.manual_seed(2)
    model = VAE(VaeConfig(latent_size=latent, likelihood="gaussian", sigma=sigma, hidden_units=4), (1, 2, 2)).double()
    linear = torch.nn.Linear(latent, pixels).double()
    model.decoder = torch.nn.Sequential(linear, torch.nn.Unflatten(1, (1, 2, 2)))
    x = torch.rand(1, 1, 2, 2, dtype=torch.float64)
    with torch.no_grad():
        weight, bias = linear.weight, linear.bias
        mean, log_var = (part.double() for part in model.encode(x))
        variance, centred = log_var.exp()[0], x.flatten() - bias
        # E_q[ln p(x|z)] of a linear decoder, in closed form.
        residual = (centred - weight @ mean[0]).square().sum() + (weight.square() * variance).sum()
        expected = -0.5 * pixels * torch.log(torch.tensor(2 * torch.pi * sigma**2)) - residual / (2 * sigma**2)
        elbo = expected - kl_from_standard_normal(mean, log_var).sum()
        evidence = torch.distributions.MultivariateNormal(
            bias, weight @ weight.T + sigma**2 * torch.eye(pixels, dtype=torch.float64)
        ).log_prob(x.flatten())
        m = weight.T @ weight + sigma**2 * torch.eye(latent, dtype=torch.float64)
        posterior = torch.distributions.MultivariateNormal(
            torch.linalg.solve(m, weight.T @ centred), sigma**2 * torch.linalg.inv(m)
        )
        q = torch.distributions.MultivariateNormal(mean[0], torch.diag(variance))
        gap = torch.distributions.kl_divergence(q, posterior)
        noise = torch.randn(200_000, latent, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        z = reparameterize(mean, log_var, noise)
        sampled = model.log_likelihood(x.expand(len(z), -1, -1, -1), z).double()
    assert float(evidence - elbo) == pytest.approx(float(gap), rel=1e-6)
    assert float(sampled.mean()) == pytest.approx(float(expected), abs=5 * float(sampled.std()) / len(z) ** 0.5)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 9, 13)])
@pytest.mark.parametrize("network", ["mlp", "convolutional"])
def test_any_image_size(shape: tuple[int, int, int], network: str) -> None:
    model = VAE(VaeConfig(latent_size=3, network=network, hidden_units=8, channels=2), shape)
    x = torch.rand(2, *shape)
    mean, log_var = model.encode(x)
    assert mean.shape == log_var.shape == (2, 3)
    assert model.picture(mean).shape == x.shape
    assert bool(((model.picture(mean) > 0) & (model.picture(mean) < 1)).all())


def test_gaussian_likelihood_has_its_constant() -> None:
    torch.manual_seed(0)
    model = VAE(VaeConfig(likelihood="gaussian", sigma=0.3, hidden_units=4), SHAPE)
    x, z = torch.rand(3, *SHAPE), torch.randn(3, 2)
    theirs = Independent(Normal(model.picture(z), 0.3), 3).log_prob(x)
    assert torch.allclose(model.log_likelihood(x, z), theirs, rtol=1e-5)
