"""The VQ-VAE's parts against by-hand loops, autograd and exhaustive sums."""

import itertools

import pytest
import torch

from explorer.config import VqConfig
from explorer.models.code_prior import AutoregressivePrior, CategoricalPrior, code_nats, sample_codes
from explorer.models.codebook import Codebook, perplexity, straight_through
from explorer.models.vq_vae import VQVAE
from explorer.training.draws import Draws
from explorer.training.objectives import vq_terms

SHAPE = (1, 8, 8)


def model(**settings: object) -> VQVAE:
    torch.manual_seed(0)
    base = {"codebook_size": 6, "code_size": 3, "downsamplings": 1, "hidden_units": 16, "prior_units": 16}
    return VQVAE(VqConfig.model_validate({**base, **settings}), SHAPE)


def images(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))


def take_note(book: Codebook, z: torch.Tensor) -> None:
    codes = book.nearest(z)
    book.update(book.statistics(z, codes, torch.randint(len(z), (len(book.uses),))))


def test_the_moving_average_is_the_one_by_hand() -> None:
    torch.manual_seed(0)
    size, width, decay = 4, 2, 0.9
    book = Codebook(size, width, by_average=True, decay=decay, reseed_below=0.0)
    uses, sums = [1.0] * size, [row.clone() for row in book.vectors.detach()]
    for _ in range(5):
        z = torch.randn(20, width)
        vectors = book.vectors.detach().clone()
        codes = book.nearest(z)
        for item, code in enumerate(codes.tolist()):
            assert code == min(range(size), key=lambda k: float((z[item] - vectors[k]).square().sum()))
        take_note(book, z)
        for k in range(size):
            mine = [z[item] for item in range(20) if int(codes[item]) == k]
            uses[k] = decay * uses[k] + (1 - decay) * len(mine)
            sums[k] = decay * sums[k] + (1 - decay) * sum(mine, torch.zeros(width))
        total = sum(uses)
        for k in range(size):
            smoothed = (uses[k] + 1e-5) / (total + size * 1e-5) * total
            assert torch.allclose(book.vectors[k], sums[k] / smoothed, atol=1e-5)


def test_the_gradient_goes_straight_through() -> None:
    """What reaches the encoder's output is the gradient at the decoder's input."""
    z_e, z_q = torch.randn(7, 3, requires_grad=True), torch.randn(7, 3)
    passed = straight_through(z_e, z_q)
    assert torch.allclose(passed, z_q, atol=1e-6)
    weight = torch.randn(3, 5)
    (passed @ weight).sin().sum().backward()
    at_decoder = z_q.clone().requires_grad_(True)
    (at_decoder @ weight).sin().sum().backward()
    assert torch.allclose(z_e.grad, at_decoder.grad, atol=1e-5)


def test_perplexity_counts_codes() -> None:
    assert float(perplexity(torch.full((16,), 5.0))) == pytest.approx(16)
    assert float(perplexity(torch.tensor([0.0, 9.0, 0.0]))) == pytest.approx(1)
    p = torch.tensor([0.5, 0.25, 0.25])
    assert float(perplexity(p)) == pytest.approx(float(torch.distributions.Categorical(p).entropy().exp()))


def test_dead_codes_are_put_where_the_data_is() -> None:
    torch.manual_seed(0)
    book = Codebook(8, 2, by_average=True, decay=0.5, reseed_below=0.1)
    with torch.no_grad():
        book.vectors[4:] = 100.0  # nobody is near
    z = torch.randn(200, 2)
    for _ in range(12):
        take_note(book, z)
    assert float(book.vectors.abs().max()) < 10
    assert len(book.nearest(z).unique()) == 8


def test_statistics_of_parts_add_up() -> None:
    torch.manual_seed(0)
    book = Codebook(8, 2, by_average=True, decay=0.5, reseed_below=0.1)
    z, seeds = torch.randn(20, 2), torch.randint(20, (8,))
    codes = book.nearest(z)
    parts = [book.statistics(z[a:b], codes[a:b], seeds - a) for a, b in ((0, 7), (7, 8), (8, 20))]
    whole = book.statistics(z, codes, seeds)
    assert torch.allclose(sum(parts), whole, atol=1e-6)
    assert torch.equal(whole[:, 3:], z[seeds]) and float(whole[:, 0].sum()) == 20


@pytest.mark.parametrize("codebook", ["ema", "loss"])
def test_terms_add_up(codebook: str) -> None:
    made = model(codebook=codebook, commitment=0.5).eval()
    result = vq_terms(made, images(5), Draws(torch.Generator()))
    found = made.quantize(images(5).float() / 255)
    parts = 0.5 * found.commitment + found.code_nats.sum(1) - found.log_likelihood
    parts = parts + (found.codebook_loss if codebook == "loss" else 0)
    assert float(result.loss.detach()) == pytest.approx(float(parts.detach().mean()), rel=1e-5)
    assert torch.allclose(found.commitment, found.codebook_loss)
    assert result.usage is not None and int(result.usage.sum()) == 5 * 16
    result.loss.backward()
    moved = made.codebook.vectors.grad
    assert (moved is None) if codebook == "ema" else bool((moved != 0).any())


def test_the_prior_learns_without_moving_the_model() -> None:
    made = model().eval()
    nats = made.quantize(images(4).float() / 255).code_nats.sum()
    nats.backward()
    assert all(weight.grad is None for weight in made.encoder.parameters())
    assert any(bool((weight.grad != 0).any()) for weight in made.code_prior.parameters() if weight.grad is not None)


@pytest.mark.parametrize("kind", ["categorical", "autoregressive"])
def test_the_prior_is_a_distribution_and_its_samples_follow_it(kind: str) -> None:
    torch.manual_seed(0)
    places, codes = 3, 3
    prior = CategoricalPrior(places, codes) if kind == "categorical" else AutoregressivePrior(places, codes, 16, 2)
    with torch.no_grad():
        for weight in prior.parameters():
            weight.add_(0.5 * torch.randn_like(weight))
        every = torch.tensor(list(itertools.product(range(codes), repeat=places)))
        p = (-code_nats(prior, every).sum(1)).exp()
        assert float(p.sum()) == pytest.approx(1, abs=1e-5)
        count = 20_000
        drawn = sample_codes(prior, torch.rand(count, places, generator=torch.Generator().manual_seed(1)))
    index = (drawn * torch.tensor([9, 3, 1])).sum(1)
    share = torch.bincount(index, minlength=27) / count
    assert bool(((share - p).abs() < 5 * (p * (1 - p) / count).sqrt() + 1e-4).all())


def test_the_autoregressive_prior_sees_only_what_came_before() -> None:
    torch.manual_seed(0)
    prior = AutoregressivePrior(5, 4, 16, 2)
    codes = torch.randint(0, 4, (1, 5))
    changed = codes.clone()
    changed[0, 2] = (changed[0, 2] + 1) % 4
    before, after = prior(codes), prior(changed)
    assert torch.allclose(before[:, :3], after[:, :3], atol=1e-6) and not torch.allclose(before[:, 3:], after[:, 3:])


def test_walking_along_principal_components_comes_back() -> None:
    """z of the data's own code maps is centred with unit variance along uncorrelated axes, as PCA's scores are."""
    from sklearn.decomposition import PCA

    made = model(codebook_size=32).eval()
    x = images(300).float() / 255
    with torch.no_grad():
        for weight in made.encoder.parameters():
            weight.mul_(4)  # a fresh encoder says nearly the same of every image
        made.settle(x)
        z = made.encode(x)[0]
        maps = made.codebook.vectors[made.codes(x).flatten()].reshape(300, -1)
    theirs = PCA(10).fit(maps.numpy())
    assert torch.allclose(z.mean(0), torch.zeros(10), atol=1e-3)
    assert torch.allclose(z.T @ z / 300, torch.eye(10), atol=1e-2)
    spread = torch.from_numpy(theirs.explained_variance_ * 299 / 300).sqrt().float()
    assert torch.allclose(made.scale, spread, rtol=1e-3)
