"""Samplers step by step against diffusers, by hand, and on data whose perfect network is known."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.config import Prediction, ReverseVariance
from explorer.errors import ConfigError
from explorer.models.diffusion import Diffusion
from explorer.models.exact import MixtureDiffusion
from explorer.models.noise import NoiseSource, slerp
from explorer.models.samplers import (
    ChainState,
    Denoiser,
    ancestral,
    ddim,
    ddim_inversion,
    noised,
    reverse_step,
)
from explorer.models.schedules import NoiseSchedule, cosine_schedule, linear_schedule, noise_schedule, spaced_steps

SHAPE = (2, 6, 6)
T = 60
SCHEDULE = linear_schedule(T)
PREDICTION_TYPES = {"eps": "epsilon", "x0": "sample", "v": "v_prediction"}
VARIANCE_TYPES = {"posterior": "fixed_small", "beta": "fixed_large", "learned": "learned_range"}


class Convolution(nn.Module):
    """A small random network of x_t, t and, where there are any, classes; each has a say of its own."""

    def __init__(self, outputs: int = 1, classes: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.first, self.last = nn.Conv2d(2, 8, 3, padding=1), nn.Conv2d(8, 2 * outputs, 3, padding=1)
            self.classes = nn.Embedding(classes + 1, 8) if classes else None

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        hidden = self.first(x) + torch.sin(t / 7)[:, None, None, None]
        if self.classes is not None:
            hidden = hidden + self.classes(labels)[:, :, None, None]
        said: Tensor = 2 * self.last(torch.tanh(hidden))
        return said


class Same:
    """The noise that one torch generator gives a whole batch: diffusers draws its own so."""

    def __init__(self, seed: int, count: int) -> None:
        self.count, self.generator = count, torch.Generator().manual_seed(seed)

    def draw(self, shape: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
        return torch.randn(self.count, *shape, generator=self.generator)


def picture_model(
    predicts: Prediction = "eps", variance: ReverseVariance = "posterior", schedule: NoiseSchedule = SCHEDULE
) -> Diffusion:
    return Diffusion(Convolution(2 if variance == "learned" else 1), schedule, SHAPE, predicts, variance)


def start(count: int = 3, shape: Sequence[int] = SHAPE, seed: int = 5) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


def end(chain: Iterator[ChainState]) -> Tensor:
    return list(chain)[-1].x_t


def mixture_model(schedule: NoiseSchedule, variance: ReverseVariance = "posterior") -> Diffusion:
    """Two unlike Gaussians, one of them slanted, and the perfect network."""
    weights, means = torch.tensor([0.3, 0.7]), torch.tensor([[-1.2, 0.4], [0.8, -0.5]])
    covariances = torch.tensor([[[0.3, 0.1], [0.1, 0.2]], [[0.2, -0.12], [-0.12, 0.4]]])
    return Diffusion(MixtureDiffusion(weights, means, covariances, schedule), schedule, (2, 1, 1), "eps", variance)


def mixture_points(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    which = (torch.rand(count, generator=generator) < 0.7).long()
    means = torch.tensor([[-1.2, 0.4], [0.8, -0.5]])[which]
    roots = torch.linalg.cholesky(torch.tensor([[[0.3, 0.1], [0.1, 0.2]], [[0.2, -0.12], [-0.12, 0.4]]]))[which]
    noise = torch.randn(count, 2, 1, generator=generator)
    return (means + (roots @ noise)[..., 0])[:, :, None, None]


# ---- diffusers -----------------------------------------------------------------------------------------------------


def assert_steps_are(states: list[ChainState], step: Callable[[Tensor, int, Tensor], Tensor], model: Diffusion) -> None:
    """Every state of our chain leads to where ``step`` (what the network says, its t, x_t) leads, to 1e-5 of it."""
    assert states[-1].t == 0 and len(states) > 2
    for here, there in pairwise(states):
        with torch.no_grad():
            said = model(here.x_t, torch.full((len(here.x_t),), here.t))
        theirs = step(said, here.t - 1, here.x_t)
        assert float((there.x_t - theirs).abs().max()) <= 1e-5 * max(1.0, float(theirs.abs().max())), here.t


def ddpm_scheduler(predicts: Prediction, variance: ReverseVariance, clip: bool, spacing: str = "leading") -> Any:
    diffusers = pytest.importorskip("diffusers", exc_type=ImportError)
    return diffusers.DDPMScheduler(
        num_train_timesteps=T,
        trained_betas=SCHEDULE.beta[1:].numpy(),
        prediction_type=PREDICTION_TYPES[predicts],
        variance_type=VARIANCE_TYPES[variance],
        clip_sample=clip,
        timestep_spacing=spacing,
    )


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("variance", ["posterior", "beta", "learned"])
@pytest.mark.parametrize("predicts", ["eps", "x0", "v"])
def test_every_ancestral_step_is_diffusers(predicts: Prediction, variance: ReverseVariance, clip: bool) -> None:
    scheduler = ddpm_scheduler(predicts, variance, clip)
    model, generator = picture_model(predicts, variance), torch.Generator().manual_seed(9)
    states = list(ancestral(Denoiser(model, clip=clip), start(), Same(9, 3)))
    assert_steps_are(states, lambda *asked: scheduler.step(*asked, generator=generator).prev_sample, model)
    if clip:
        assert any(float(state.x0_hat.abs().max()) == 1 for state in states[:-1])


@pytest.mark.parametrize("spacing", ["trailing", "leading"])
@pytest.mark.parametrize("variance", ["posterior", "beta", "learned"])
def test_ancestral_steps_of_a_sub_sequence_are_diffusers(variance: ReverseVariance, spacing: str) -> None:
    scheduler = ddpm_scheduler("eps", variance, True, spacing)
    scheduler.set_timesteps(10)
    model, generator = picture_model("eps", variance), torch.Generator().manual_seed(9)
    steps = spaced_steps(T, 10, spacing)
    assert steps == (scheduler.timesteps + 1).tolist()
    states = list(ancestral(Denoiser(model), start(), Same(9, 3), steps))

    def step(said: Tensor, t: int, x_t: Tensor) -> Tensor:
        answer = scheduler.step(said, t, x_t, generator=generator)
        # diffusers adds noise to the last step too where that is not the step at its t = 0
        return answer.pred_original_sample if t == steps[-1] - 1 else answer.prev_sample

    assert_steps_are(states, step, model)


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("spacing", ["trailing", "leading"])
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("predicts", ["eps", "x0", "v"])
def test_every_ddim_step_is_diffusers(predicts: Prediction, eta: float, spacing: str, clip: bool) -> None:
    diffusers = pytest.importorskip("diffusers", exc_type=ImportError)
    scheduler = diffusers.DDIMScheduler(
        num_train_timesteps=T,
        trained_betas=SCHEDULE.beta[1:].numpy(),
        prediction_type=PREDICTION_TYPES[predicts],
        clip_sample=clip,
        set_alpha_to_one=True,
        timestep_spacing=spacing,
    )
    scheduler.set_timesteps(10)
    model, generator = picture_model(predicts), torch.Generator().manual_seed(9)
    steps = spaced_steps(T, 10, spacing)
    states = list(ddim(Denoiser(model, clip=clip), start(), Same(9, 3), steps, eta))
    options = {"eta": eta, "use_clipped_model_output": clip, "generator": generator}
    assert_steps_are(states, lambda *asked: scheduler.step(*asked, **options).prev_sample, model)


# ---- ancestral and DDIM --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("predicts", ["mean", "x0", "eps", "v"])
def test_ddim_with_full_noise_is_ancestral_with_the_posteriors_variance(predicts: Prediction, clip: bool) -> None:
    denoise = Denoiser(picture_model(predicts), clip=clip)
    pairs = zip(
        ancestral(denoise, start(), NoiseSource(1, 3)), ddim(denoise, start(), NoiseSource(1, 3), eta=1.0), strict=True
    )
    for one, other in pairs:
        assert one.t == other.t and one.step == other.step and torch.equal(one.x_t, other.x_t)


def test_deterministic_ddim_draws_no_noise() -> None:
    class Silence:
        def draw(self, shape: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
            raise AssertionError

    denoise = Denoiser(picture_model())
    list(ddim(denoise, start(), Silence()))
    with pytest.raises(AssertionError):
        list(ddim(denoise, start(), Silence(), eta=0.1))


@pytest.mark.parametrize("said", [1.0, -1.0])
def test_learned_variance_lies_between_the_posteriors_and_beta(said: float) -> None:
    class Told(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            return torch.cat([0.3 * x, torch.full_like(x, said)], 1)

    class Plain(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            return 0.3 * x

    learned = Denoiser(Diffusion(Told(), SCHEDULE, SHAPE, "eps", "learned"))
    fixed = Denoiser(Diffusion(Plain(), SCHEDULE, SHAPE, "eps", "beta" if said > 0 else "posterior"))
    one, other = (list(ancestral(denoise, start(), NoiseSource(2, 3))) for denoise in (learned, fixed))
    for mine, theirs in zip(one, other, strict=True):
        assert torch.allclose(mine.x_t, theirs.x_t, atol=1e-5)
        if mine.step is not None and theirs.step is not None:
            assert mine.step.sigma == pytest.approx(theirs.step.sigma, rel=1e-5)


@pytest.mark.parametrize("steps", [None, [60, 31, 30, 7]])
def test_the_step_that_is_written_is_the_step_that_is_taken(steps: list[int] | None) -> None:
    noise = Same(4, 3)
    states = list(ancestral(Denoiser(picture_model("v", "beta")), start(), Same(4, 3), steps))
    assert [state.t for state in states] == [*(steps or range(T, 0, -1)), 0]
    for here, there in pairwise(states):
        assert here.step is not None and here.step.to == there.t
        taken = here.step.x0 * here.x0_hat + here.step.x_t * here.x_t
        if there.t:
            taken = taken + here.step.sigma * noise.draw(SHAPE)
        assert torch.allclose(there.x_t, taken, atol=1e-5)
        bar = float(SCHEDULE.alpha_bar[here.t])
        assert torch.allclose(here.x_t, math.sqrt(bar) * here.x0_hat + math.sqrt(1 - bar) * here.eps_hat, atol=1e-4)
    assert states[-1].step is None and states[-2].step is not None and states[-2].step.sigma == 0
    assert torch.equal(states[-1].x0_hat, states[-1].x_t) and not states[-1].eps_hat.any()


def test_a_jump_over_a_chain_adds_the_variance_of_the_chain() -> None:
    """β of a jump from t to s is 1 − Π α, and with β the σ of the step is its root."""
    states = list(ancestral(Denoiser(picture_model("eps", "beta")), start(), NoiseSource(0, 3), [50, 20, 3]))
    for state in states[:2]:
        assert state.step is not None
        kept = math.prod(1 - float(SCHEDULE.beta[t]) for t in range(state.step.to + 1, state.t + 1))
        assert state.step.sigma**2 == pytest.approx(1 - kept, rel=1e-9)


@pytest.mark.parametrize("steps", [[10, 20], [10, 10], [61, 5], [5, 0], [5, -1], []])
def test_steps_that_do_not_fall_or_are_not_of_the_chain_are_refused(steps: list[int]) -> None:
    denoise, x, noise = Denoiser(picture_model()), start(), NoiseSource(0, 3)
    for chain in (
        ancestral(denoise, x, noise, steps),
        ddim(denoise, x, noise, steps),
        ddim_inversion(denoise, x, steps),
    ):
        with pytest.raises(ConfigError, match="fall"):
            next(chain)


@pytest.mark.parametrize("variance", ["posterior", "beta", "learned"])
def test_a_chain_of_one_step_ends_at_the_guess(variance: ReverseVariance) -> None:
    model = picture_model("eps", variance, noise_schedule(torch.tensor([0.4])))
    x = start()
    for clip in (True, False):
        denoise = Denoiser(model, clip=clip)
        said = model.split(model(x, torch.ones(3, dtype=torch.long)))[0].detach()
        guess = (x - math.sqrt(0.4) * said) / math.sqrt(0.6)
        guess = guess.clamp(-1, 1) if clip else guess
        for chain in (ancestral(denoise, x, NoiseSource(0, 3)), ddim(denoise, x, NoiseSource(0, 3), eta=1.0)):
            states = list(chain)
            assert [state.t for state in states] == [1, 0]
            assert torch.allclose(states[-1].x_t, guess, atol=1e-5)
    assert [state.t for state in ddim_inversion(Denoiser(model), x)] == [0, 1]


def test_points_are_not_clipped() -> None:
    class Far(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            return torch.full_like(x, 5.0)

    points = Diffusion(Far(), SCHEDULE, (2, 1, 1), "x0")
    assert bool((Denoiser(points, clip=True)(start(shape=(2, 1, 1)), 30).x0 == 5).all())
    assert bool((Denoiser(Diffusion(Far(), SCHEDULE, SHAPE, "x0"), clip=True)(start(), 30).x0 == 1).all())


# ---- guidance ------------------------------------------------------------------------------------------------------


def told_model(predicts: Prediction, variance: ReverseVariance = "posterior") -> Diffusion:
    return Diffusion(Convolution(2 if variance == "learned" else 1, 4), SCHEDULE, SHAPE, predicts, variance, 4)


@pytest.mark.parametrize("guidance", [0.0, 0.5, 1.0, 2.0, 7.5])
@pytest.mark.parametrize("predicts", ["mean", "x0", "eps", "v"])
def test_guidance_mixes_the_noise(predicts: Prediction, guidance: float) -> None:
    model, x, labels = told_model(predicts), start(), torch.tensor([0, 3, 1])
    for t in (3, 30):
        with torch.no_grad():
            got = Denoiser(model, labels, guidance, clip=False)(x, t)
            steps, at = torch.full((3,), t), model.coefficients_at(t)
            without, with_class = (
                at.eps(at.x0(predicts, model.network(x, steps, asked), x), x) for asked in (torch.full((3,), 4), labels)
            )
        assert not torch.allclose(without, with_class, atol=1e-2)
        mixed = without + guidance * (with_class - without)
        assert torch.allclose(got.eps, mixed, rtol=1e-4, atol=1e-4 * float(mixed.abs().max())), t


@pytest.mark.parametrize("predicts", ["eps", "v"])
def test_guidance_of_one_and_nought_are_the_plain_models(predicts: Prediction) -> None:
    model, x, labels = told_model(predicts), start(), torch.tensor([0, 3, 1])
    steps = torch.full((3,), 20)
    with torch.no_grad():
        told, untold = model(x, steps, labels), model(x, steps)
        assert torch.equal(untold, model.network(x, steps, torch.full((3,), 4)))
        at = model.coefficients_at(20)
        for denoise, said in (
            (Denoiser(model, labels, 1.0, False), told),
            (Denoiser(model, labels, 0.0, False), untold),
            (Denoiser(model, None, 3.0, False), untold),
        ):
            assert torch.equal(denoise(x, 20).x0, at.x0(predicts, said, x))


def test_double_guidance_by_hand_through_a_whole_chain() -> None:
    class ByHand(nn.Module):
        def __init__(self, told: nn.Module) -> None:
            super().__init__()
            self.told = told

        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            return 2 * self.told(x, t, torch.tensor([0, 3, 1])) - self.told(x, t, torch.tensor([4, 4, 4]))

    for predicts in ("eps", "v"):
        model = told_model(predicts)
        other = Diffusion(ByHand(model.network), SCHEDULE, SHAPE, predicts)
        guided = Denoiser(model, torch.tensor([0, 3, 1]), 2.0)
        pairs = zip(
            ddim(guided, start(), NoiseSource(0, 3)), ddim(Denoiser(other), start(), NoiseSource(0, 3)), strict=True
        )
        for one, two in pairs:
            assert torch.allclose(one.x_t, two.x_t, atol=1e-4), one.t


def test_the_learned_variance_of_a_guided_model_is_that_of_its_class() -> None:
    model, x, labels = told_model("eps", "learned"), start(), torch.tensor([0, 3, 1])
    with torch.no_grad():
        spread = (model(x, torch.full((3,), 9), labels)[:, 2:] + 1) / 2
        for guidance in (1.0, 2.0):
            got = Denoiser(model, labels, guidance)(x, 9).spread
            assert got is not None and torch.allclose(got, spread, atol=1e-6)


# ---- noise ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 1, 1), (3, 5, 5), (1, 28, 28), (3, 64, 64)])
def test_an_items_noise_does_not_depend_on_the_batch(shape: tuple[int, ...]) -> None:
    """Item i of eight has the noise of item i drawn alone, and the first n of more are the first n."""
    eight, three = NoiseSource(7, 8), NoiseSource(7, 3)
    alone = [NoiseSource(7, 1, first=index) for index in range(8)]
    for _ in range(70):  # more than are drawn ahead
        together = eight.draw(shape)
        assert together.shape == (8, *shape)
        assert torch.equal(together[:3], three.draw(shape))
        assert torch.equal(together, torch.cat([source.draw(shape) for source in alone]))


def test_noise_is_new_each_time_and_standard_normal() -> None:
    source = NoiseSource(0, 2)
    drawn = torch.stack([source.draw((10,)) for _ in range(5000)])
    assert abs(float(drawn.mean())) < 0.01 and float(drawn.var()) == pytest.approx(1, abs=0.02)
    assert len(torch.unique(drawn[:, :, 0])) > 9990
    assert abs(float((drawn[:, 0] * drawn[:, 1]).mean())) < 0.02 and not torch.equal(drawn[1:], drawn[:-1])
    assert not torch.equal(NoiseSource(0, 1).draw((4,)), NoiseSource(1, 1).draw((4,)))
    assert torch.equal(NoiseSource(3, 1).draw((4,)), NoiseSource(3, 1).draw((4,)))


def test_samples_do_not_depend_on_the_batch() -> None:
    x, denoise = NoiseSource(1, 8).draw(SHAPE), Denoiser(picture_model("eps", "beta"))
    together = end(ancestral(denoise, x, NoiseSource(2, 8)))
    for index in (0, 5):
        alone = end(ancestral(denoise, x[index : index + 1], NoiseSource(2, 1, first=index)))
        assert torch.allclose(together[index], alone[0], atol=1e-4)


def test_slerp_begins_and_ends_at_its_ends() -> None:
    a, b = start(seed=0), start(seed=1)
    assert torch.allclose(slerp(a, b, 0.0), a, atol=1e-6) and torch.allclose(slerp(a, b, 1.0), b, atol=1e-6)
    assert slerp(a, b, 0.3).shape == a.shape and slerp(a, b, 0.3).dtype == a.dtype
    assert torch.allclose(slerp(a, b, 0.3), slerp(b, a, 0.7), atol=1e-6)


def test_slerp_is_the_great_circle() -> None:
    a, b = torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.0, 2.0]]), torch.tensor([[0.0, 3.0, 0.0], [0.0, 2.0, 0.0]])
    for share in (0.1, 0.25, 0.5, 0.9):
        angle = share * math.pi / 2
        assert torch.allclose(slerp(a, b, share), math.cos(angle) * a + math.sin(angle) * b, atol=1e-6)
        assert torch.allclose(slerp(a, b, share).norm(dim=1), torch.tensor([3.0, 2.0]), atol=1e-6)
    sixty = torch.tensor([[0.5, math.sqrt(3) / 2]])  # halfway to it from (1, 0) lies thirty degrees
    middle = torch.tensor([[math.sqrt(3) / 2, 0.5]])
    assert torch.allclose(slerp(torch.tensor([[1.0, 0.0]]), sixty, 0.5), middle, atol=1e-6)


def test_slerp_of_parallel_vectors_is_the_line() -> None:
    a = start()
    assert torch.allclose(slerp(a, a, 0.4), a, atol=1e-6)
    assert torch.allclose(slerp(a, 3 * a, 0.5), 2 * a, atol=1e-5)
    assert not slerp(torch.zeros(1, 4), torch.zeros(1, 4), 0.5).any()


# ---- there and back ------------------------------------------------------------------------------------------------


def test_inversion_leads_back_to_where_it_began() -> None:
    x0 = mixture_points(200)

    def error(timesteps: int) -> float:
        denoise = Denoiser(mixture_model(linear_schedule(timesteps)))
        back = end(ddim(denoise, end(ddim_inversion(denoise, x0)), NoiseSource(0, 200)))
        return float((back - x0).square().mean().sqrt())

    coarse, fine = error(100), error(1000)
    assert fine < 0.01 and fine < 0.3 * coarse


@pytest.mark.parametrize("steps", [None, [60, 31, 30, 7]])
def test_inversion_moves_along_the_guess_of_each_step(steps: list[int] | None) -> None:
    denoise = Denoiser(picture_model("v"))
    states = list(ddim_inversion(denoise, start(), steps))
    assert [state.t for state in states] == [0, *(steps[::-1] if steps else range(1, T + 1))]
    for here, there in pairwise(states):
        with torch.no_grad():
            guess = denoise(here.x_t, here.t or there.t)  # there is no network at 0
        x0 = guess.x0 if here.t else here.x_t
        assert torch.equal(here.x0_hat, x0) and torch.equal(here.eps_hat, guess.eps)
        bar = float(SCHEDULE.alpha_bar[there.t])
        assert torch.allclose(there.x_t, math.sqrt(bar) * x0 + math.sqrt(1 - bar) * guess.eps, atol=1e-5)
        assert here.step is None or here.step.to == there.t


def test_inversion_ends_at_standard_normal_noise() -> None:
    states = list(ddim_inversion(Denoiser(mixture_model(linear_schedule(500))), mixture_points(2000)))
    assert [state.t for state in states] == list(range(501))
    assert states[0].step is None and states[-1].step is None and torch.equal(states[0].x_t, mixture_points(2000))
    z = states[-1].x_t.flatten(1)
    assert torch.allclose(z.mean(0), torch.zeros(2), atol=0.08)
    assert torch.allclose(z.T.cov(), torch.eye(2), atol=0.12)


@pytest.mark.parametrize(("t", "to"), [(1, 2), (5, 30), (59, 60)])
def test_an_inverse_step_with_the_true_guess_moves_along_the_marginal(t: int, to: int) -> None:
    x0, eps = 0.7, -1.3
    x_t, x_s = (
        math.sqrt(float(SCHEDULE.alpha_bar[k])) * x0 + math.sqrt(1 - float(SCHEDULE.alpha_bar[k])) * eps
        for k in (t, to)
    )
    step = reverse_step(SCHEDULE, t, to, 0.0)
    assert step.x0 * x0 + step.x_t * x_t == pytest.approx(x_s, abs=1e-9) and step.to == to
    back = reverse_step(SCHEDULE, to, t, eta=0.0)
    assert back.x0 * x0 + back.x_t * x_s == pytest.approx(x_t, abs=1e-9)


def test_noised_is_the_marginal() -> None:
    model, x0 = picture_model(schedule=cosine_schedule(40)), start()
    eps = NoiseSource(3, 3).draw(SHAPE)
    for t in (1, 20, 40):
        bar = float(model.schedule.alpha_bar[t])
        assert torch.allclose(
            noised(model, x0, t, NoiseSource(3, 3)), math.sqrt(bar) * x0 + math.sqrt(1 - bar) * eps, atol=1e-6
        )


@pytest.mark.parametrize("variance", ["posterior", "beta"])
@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
def test_forward_and_back_keeps_the_law_of_the_data(sampler: str, variance: ReverseVariance) -> None:
    model, noise = mixture_model(linear_schedule(200), variance), NoiseSource(4, 3000)
    x_t = noised(model, mixture_points(3000), 120, noise)
    steps = list(range(120, 0, -1))
    walk = {"ancestral": ancestral, "ddim": ddim}[sampler]
    back = end(walk(Denoiser(model), x_t, noise, steps)).flatten(1)
    fresh = mixture_points(100_000, seed=1).flatten(1)
    assert float((back - mixture_points(3000).flatten(1)).square().mean().sqrt()) > 0.1  # they did move
    assert torch.allclose(back.mean(0), fresh.mean(0), atol=0.07)
    assert torch.allclose(back.T.cov(), fresh.T.cov(), atol=0.07)
    # the shares of the two components, on either side of a line between them
    assert float((back[:, 0] < -0.3).float().mean()) == pytest.approx(
        float((fresh[:, 0] < -0.3).float().mean()), abs=0.03
    )
