"""Hierarchical and conditional VAEs against torch.distributions, integration and Monte Carlo."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from explorer.config import ConditionalConfig, HierarchicalConfig
from explorer.inference.evaluation import importance_weighted
from explorer.models.gaussian import in_units_of, kl_from_standard_normal, merged
from explorer.models.hierarchical_vae import HierarchicalVAE
from explorer.models.vae import ConditionalVAE

SHAPE = (1, 4, 4)


def hierarchy(inference: str, sizes: tuple[int, ...] = (3, 2, 2), scale: float = 1.6) -> HierarchicalVAE:
    torch.manual_seed(0)
    config = HierarchicalConfig(latent_sizes=sizes, inference=inference, hidden_units=16, hidden_layers=1)
    model = HierarchicalVAE(config, SHAPE)
    with torch.no_grad():  # far from the start, where every level is N(0, 1)
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model


def test_merging_is_the_product_of_gaussians() -> None:
    mean_a, log_var_a, mean_b, log_var_b = torch.randn(4, 5, 1, generator=torch.Generator().manual_seed(0)).double()
    grid = torch.linspace(-12, 12, 200_001, dtype=torch.float64)[None]
    product = (
        Normal(mean_a, (0.5 * log_var_a).exp()).log_prob(grid) + Normal(mean_b, (0.5 * log_var_b).exp()).log_prob(grid)
    ).exp()
    product /= product.sum(1, keepdim=True)
    mean = (product * grid).sum(1)
    variance = (product * (grid - mean[:, None]).square()).sum(1)
    found_mean, found_log_var = merged(mean_a, log_var_a, mean_b, log_var_b)
    assert torch.allclose(found_mean[:, 0], mean, atol=1e-6)
    assert torch.allclose(found_log_var.exp()[:, 0], variance, atol=1e-6)


def test_units_of_the_prior_keep_the_kl() -> None:
    mean, log_var, prior_mean, prior_log_var = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(1))
    theirs = kl_divergence(Normal(mean, (0.5 * log_var).exp()), Normal(prior_mean, (0.5 * prior_log_var).exp()))
    ours = kl_from_standard_normal(*in_units_of(mean, log_var, prior_mean, prior_log_var))
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("inference", ["ladder", "bottom-up"])
def test_kl_per_level_sums_to_the_total_and_monte_carlo_agrees(inference: str) -> None:
    """E_q[ln q(z₁,z₂,z₃|x) − ln p(z₁,z₂,z₃)] by hand with torch.distributions, level by level."""
    model = hierarchy(inference)
    count = 20_000
    x = torch.rand(1, *SHAPE)
    noise = torch.randn(count, 7, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        log_likelihood, kl = model(x, None, noise)
        _, sampled = model(x, None, noise, sampled_kl=True)
        parts = model._inferred(x, list(torch.split(noise, list(model.levels), dim=1)))
        by_hand = []
        for z, q, p in parts:
            ratio = Normal(q[0], (0.5 * q[1]).exp()).log_prob(z) - Normal(p[0], (0.5 * p[1]).exp()).log_prob(z)
            by_hand.append(ratio.expand(count, -1).sum(1))
    assert log_likelihood.shape == (count,) and kl.shape == (count, 7)
    ends = torch.tensor(model.levels).cumsum(0).tolist()
    for level, (first, last) in enumerate(zip((0, *ends), ends, strict=False)):
        assert torch.allclose(sampled[:, first:last].sum(1), by_hand[level], rtol=1e-3, atol=1e-3)
    total, error = torch.stack(by_hand).sum(0).mean(), torch.stack(by_hand).sum(0).std() / count**0.5
    assert float(kl.sum(1).mean()) == pytest.approx(float(total), abs=float(5 * error) + 1e-4)
    for level, (first, last) in enumerate(zip((0, *ends), ends, strict=False)):
        error = by_hand[level].std() / count**0.5
        mine = float(kl[:, first:last].sum(1).mean())
        assert mine == pytest.approx(float(by_hand[level].mean()), abs=float(5 * error) + 1e-4), level
    assert float(total) > 0.1, "a test of nothing"


@pytest.mark.parametrize("inference", ["ladder", "bottom-up"])
def test_importance_weights_of_a_hierarchy_find_the_evidence(inference: str) -> None:
    """ln p(x) of a model with two one-dimensional levels by integrating both latents over a grid."""
    model = hierarchy(inference, (1, 1), scale=1.1)
    x = torch.rand(4, *SHAPE)
    axis = torch.linspace(-6, 6, 241)
    grid = torch.cartesian_prod(axis, axis)  # in units of the prior, which is N(0, I) there
    with torch.no_grad():
        prior = Normal(0.0, 1.0).log_prob(grid).sum(1)
        joint = model.likelihood.log_prob_of_pairs(x, model.decode(grid)) + prior
        evidence = joint.logsumexp(1) + 2 * torch.log(axis[1] - axis[0])
        found = importance_weighted(model, x, None, 20_000, torch.Generator().manual_seed(0))
        loose = importance_weighted(model, x, None, 1, torch.Generator().manual_seed(0))
    assert torch.allclose(found, evidence, atol=0.02)
    assert float((evidence - loose).abs().max()) > 0.02, "a test of nothing"


def test_importance_weights_with_a_learned_prior_find_the_evidence() -> None:
    """ln p(x|c) = ln ∫ p(x|z,c) p(z|c) dz over a grid in the model's own units."""
    torch.manual_seed(0)
    model = ConditionalVAE(ConditionalConfig(latent_size=1, prior="learned", hidden_units=8), SHAPE, classes=3)
    assert model.prior is not None
    x, labels = torch.rand(5, *SHAPE), torch.tensor([0, 1, 2, 2, 0])
    with torch.no_grad():
        model.prior.weight.normal_()
        model.prior.weight[:, 1] = -1.0  # narrower than q, or the weights have no variance
        mean, log_var = model.prior_of(labels)
        grid = torch.linspace(-9, 9, 4001)
        evidence = []
        for item in range(5):
            p = Normal(mean[item], (0.5 * log_var[item]).exp())
            told = torch.nn.functional.one_hot(labels[item].expand(len(grid)), 3).float()
            outputs = model.decoder(torch.cat([grid[:, None], told], 1))
            joint = model.likelihood.log_prob_of_pairs(x[item : item + 1], outputs)[0] + p.log_prob(grid[:, None])[:, 0]
            evidence.append(joint.logsumexp(0) + torch.log(grid[1] - grid[0]))
        found = importance_weighted(model, x, labels, 50_000, torch.Generator().manual_seed(0))
    assert torch.allclose(found, torch.stack(evidence), atol=0.02)


@pytest.mark.parametrize("inference", ["ladder", "bottom-up"])
def test_latents_in_units_of_the_prior_decode_to_the_same_picture(inference: str) -> None:
    """encode, then decode: what the levels were is what they become again."""
    model = hierarchy(inference)
    x = torch.rand(5, *SHAPE)
    with torch.no_grad():
        z, log_var = model.encode(x)
        direct = model.decoder(model._inferred(x, None)[0][0])
    assert z.shape == log_var.shape == (5, 7)
    assert torch.allclose(model.decode(z), direct, atol=1e-4)


def test_samples_of_z_are_independent_draws_of_the_same_bound() -> None:
    model = hierarchy("ladder")
    x = torch.rand(3, *SHAPE)
    noise = torch.randn(6, 7)
    with torch.no_grad():
        both = model(x, None, noise)
        first, second = model(x, None, noise[:3]), model(x, None, noise[3:])
    assert torch.allclose(both[0], torch.cat([first[0], second[0]]), atol=1e-4)
    assert torch.allclose(both[1], torch.cat([first[1], second[1]]), atol=1e-4)


def test_the_learned_prior_of_a_conditional_vae_enters_the_kl() -> None:
    torch.manual_seed(0)
    model = ConditionalVAE(ConditionalConfig(latent_size=3, prior="learned", hidden_units=8), SHAPE, classes=4)
    assert model.prior is not None
    with torch.no_grad():
        model.prior.weight.normal_()
        x, labels = torch.rand(6, *SHAPE), torch.tensor([0, 1, 2, 3, 1, 0])
        _, kl = model(x, labels, torch.randn(6, 3))
        plane = model.plane(labels).reshape(-1, 1, 4, 4)
        mean, log_var = model.encoder(torch.cat([x, plane], 1)).chunk(2, 1)
        prior_mean, prior_log_var = model.prior(labels).chunk(2, 1)
        theirs = kl_divergence(Normal(mean, (0.5 * log_var).exp()), Normal(prior_mean, (0.5 * prior_log_var).exp()))
    assert torch.allclose(kl, theirs, rtol=1e-4, atol=1e-5)
    assert float(kl.mean()) > 0.1


def test_an_independent_prior_is_the_standard_normal() -> None:
    torch.manual_seed(0)
    model = ConditionalVAE(ConditionalConfig(latent_size=3, hidden_units=8), SHAPE, classes=4)
    x, labels = torch.rand(2, *SHAPE), torch.tensor([0, 3])
    with torch.no_grad():
        mean, log_var = model.encode(x, labels)
        _, kl = model(x, labels, torch.randn(2, 3))
    theirs = kl_divergence(Normal(mean, (0.5 * log_var).exp()), Normal(torch.zeros(2, 3), torch.ones(2, 3)))
    assert torch.allclose(kl, theirs, rtol=1e-4, atol=1e-6) and float(kl.min()) > 0
