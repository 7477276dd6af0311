"""Linear models against PCA and probabilistic PCA, whose likelihood and subspace are known exactly."""

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch.distributions import MultivariateNormal

from explorer.config import AutoencoderConfig, VaeConfig
from explorer.inference.evaluation import importance_weighted
from explorer.models.autoencoder import Autoencoder
from explorer.models.gaussian import kl_from_standard_normal
from explorer.models.vae import VAE
from explorer.training.draws import Draws
from explorer.training.objectives import Pressure, autoencoder_terms, vae_terms

SHAPE = (1, 1, 6)
SIZE = 2


@pytest.fixture(scope="module")
def data() -> torch.Tensor:
    """Return draws x = Wz + b + 0.4 ε, shape (800, 1, 1, 6)."""
    random = np.random.RandomState(0)
    weight = random.randn(6, SIZE) * [1.5, 0.8]
    x = random.randn(800, SIZE) @ weight.T + random.randn(6) + 0.4 * random.randn(800, 6)
    return torch.from_numpy(x).reshape(-1, *SHAPE)


def subspace_agreement(weight: torch.Tensor, pca: PCA) -> float:
    """Return the smallest cosine of the principal angles between columns of (6, 2) and the principal axes."""
    q, _ = torch.linalg.qr(weight.detach())
    return float(torch.linalg.svdvals(q.T @ torch.from_numpy(pca.components_.T)).min())


def test_a_linear_vae_reaches_the_likelihood_of_probabilistic_pca(data: torch.Tensor) -> None:
    """Lucas et al. 2019: its optimum is pPCA's, with the same subspace and no gap."""
    torch.manual_seed(0)
    config = VaeConfig(
        latent_size=SIZE, network="linear", likelihood="gaussian", sigma=1.0, sigma_is="learned", samples=2
    )
    model = VAE(config, SHAPE)
    x = data.float()
    steps, draws = 6000, Draws(torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.02 * (1 - step / steps)
        loss = vae_terms(model, x, None, draws, Pressure()).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        model.double()
        linear = model.decoder[0][0]
        weight, bias, sigma = linear.weight, linear.bias, float(torch.as_tensor(model.likelihood.sigma))
        mean, log_var = (part.double() for part in model.encode(data))
        x = data.flatten(1)
        residual = (x - mean @ weight.T - bias).square().sum(1) + log_var.exp() @ weight.square().sum(0)
        expected = -residual / (2 * sigma**2) - 3 * math.log(2 * math.pi * sigma**2)
        elbo = float((expected - kl_from_standard_normal(mean, log_var).sum(1)).mean())
        own = MultivariateNormal(bias, weight @ weight.T + sigma**2 * torch.eye(6, dtype=torch.float64))
        evidence = float(own.log_prob(x).mean())
    pca = PCA(SIZE).fit(x.numpy())
    assert evidence == pytest.approx(pca.score(x.numpy()), abs=0.01)
    assert elbo == pytest.approx(pca.score(x.numpy()), abs=0.01)
    assert 0 <= evidence - elbo < 0.005
    assert sigma**2 == pytest.approx(pca.noise_variance_, rel=0.02)
    assert subspace_agreement(weight, pca) > 0.999


def test_a_linear_autoencoder_spans_the_pca_subspace(data: torch.Tensor) -> None:
    torch.manual_seed(0)
    config = AutoencoderConfig(latent_size=SIZE, network="linear", likelihood="gaussian", sigma=1.0)
    model = Autoencoder(config, SHAPE).double()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = autoencoder_terms(model, data, Draws(torch.Generator())).loss
        loss.backward()
        return loss

    optimizer.step(closure)
    pca = PCA(SIZE).fit(data.flatten(1).numpy())
    with torch.no_grad():
        again = model.picture(model.encode(data)[0]).flatten(1).double()
    theirs = pca.inverse_transform(pca.transform(data.flatten(1).numpy()))
    assert float((again - torch.from_numpy(theirs)).abs().max()) < 0.02
    assert subspace_agreement(model.decoder[0][0].weight.detach(), pca) > 0.9999


def test_with_the_true_posterior_every_bound_is_the_exact_evidence() -> None:
    """p(x) = N(b, WWᵀ + σ²I) with orthogonal W: q can be exact, and then ELBO = IWAE_K = ln p(x) for every K."""
    torch.manual_seed(1)
    sigma = 0.5
    config = VaeConfig(latent_size=SIZE, network="linear", likelihood="gaussian", sigma=sigma)
    model = VAE(config, SHAPE).double()
    weight = torch.linalg.qr(torch.randn(6, SIZE, dtype=torch.float64))[0] * torch.tensor([1.5, 0.7])
    bias = torch.randn(6, dtype=torch.float64)
    precision = weight.T @ weight / sigma**2 + torch.eye(SIZE, dtype=torch.float64)  # diagonal: W is orthogonal
    to_mean = torch.linalg.solve(precision, weight.T / sigma**2)
    with torch.no_grad():
        model.decoder[0][0].weight.copy_(weight)
        model.decoder[0][0].bias.copy_(bias)
        model.encoder[1][0].weight.copy_(torch.cat([to_mean, torch.zeros_like(to_mean)]))
        model.encoder[1][0].bias.copy_(torch.cat([-to_mean @ bias, -precision.diagonal().log()]))
        exact = MultivariateNormal(bias, weight @ weight.T + sigma**2 * torch.eye(6, dtype=torch.float64))
        x = exact.sample((50,)).reshape(-1, *SHAPE)
        evidence = exact.log_prob(x.flatten(1)).float()
        for samples in (1, 5, 50):
            found = importance_weighted(model, x, None, samples, torch.Generator().manual_seed(samples)).float()
            assert torch.allclose(found, evidence, atol=1e-4)
        z = torch.randn(100_000, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        log_p = model.likelihood.log_prob_of_pairs(x[:10], model.decode(z))
        from_prior = log_p.logsumexp(1) - math.log(len(z))
        error = (2 * log_p).logsumexp(1).sub(2 * log_p.logsumexp(1)).exp().sqrt()  # of ln mean, by the delta method
    assert bool(((from_prior - evidence[:10]).abs() < 5 * error + 1e-4).all()) and float(error.max()) < 0.2
