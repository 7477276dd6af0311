"""The ELBO as an account: what each number of a measurement is, its unit, what it is summed over and adds up to."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from explorer.config import DdpmConfig, DiffusionConfig, HierarchicalConfig, LatentConfig, RunConfig, VqConfig
from explorer.training_messages import PREDICTED, Measurement, squared_error

Shape = tuple[int, int, int]
_POINT: Shape = (2, 1, 1)
_TOLERANCE = 2e-4  # of the largest number of a sum: terms are added in float32, and written with seven digits


@dataclass(frozen=True)
class Row:
    """One line of the account.

    Attributes:
        key: what ``amounts`` calls its number.
        term: the symbol as in the papers, with the sign it has in the sum.
        unit: what the number is counted in.
        meaning: what it says, in a few words.
        formula: how it is computed and by which convention.
        parts: the keys of the rows that add up to it; nothing for a row that is no sum.
        digits: after the point.
        apart: whether a new account begins above it.
    """

    key: str
    term: str
    unit: str
    meaning: str
    formula: str = ""
    parts: tuple[str, ...] = ()
    digits: int = 2
    apart: bool = False


def items_are(shape: Shape) -> str:
    """Return what the items of a data set are called."""
    return "points" if shape == _POINT else "images"


def _values_are(shape: Shape) -> str:
    channels, height, width = shape
    if shape == _POINT:
        return "both coordinates"
    size = math.prod(shape)
    return f"all {size} pixels" if channels == 1 else f"all {size} values ({channels} × {height} × {width})"


def _nats(shape: Shape) -> str:
    return f"nats per {items_are(shape)[:-1]}"


# ---- rows ----------------------------------------------------------------------------------------------------------


def rows(config: RunConfig, shape: Shape) -> tuple[Row, ...]:
    """Return the rows of a run's account, each sum below its parts.

    Args:
        config: the run's settings.
        shape: (channels, height, width) of an item of its data set; (2, 1, 1) of points.
    """
    model = config.model
    if isinstance(model, DiffusionConfig):
        return _diffusion_rows(model, shape) if isinstance(model, DdpmConfig) else ()
    if model.family == "autoencoder":
        return _autoencoder_rows(model, shape)
    if isinstance(model, VqConfig):
        return _codes_rows(model, shape)
    return _latent_rows(model, shape)


def _likelihood(model: LatentConfig, shape: Shape) -> str:
    """Return what ln p(x|z) is, over which values it is summed."""
    over = f"Summed over {_values_are(shape)}, averaged over {items_are(shape)}; constants included."
    if model.likelihood == "gaussian":
        sigma = "learned" if model.sigma_is == "learned" else f"{model.sigma:g}"
        return f"−Σ [½ ln 2πσ² + (x − x̂)²/2σ²], σ = {sigma}. A density: it may be above 0. {over}"
    grey = ", with grey x in [0, 1] taken as the probability of white" if model.binarization == "none" else ""
    return f"Σ x ln π + (1 − x) ln(1 − π){grey}. {over}"


def _elbo_meaning(model: LatentConfig) -> str:
    if model.likelihood == "gaussian":
        return "a lower bound of ln p(x), which is a density; always with β = 1"
    if model.binarization == "none":
        return "a bound for grey values taken as probabilities: not ln p of a grey image; always with β = 1"
    return "a lower bound of ln p(x) of black-or-white images; always with β = 1"


def _bits(model: LatentConfig, shape: Shape) -> tuple[Row, ...]:
    """Return the row of bits per pixel, where the bound is one of discrete x: only there a code length has a unit."""
    if model.likelihood != "bernoulli" or model.binarization == "none":
        return ()
    meaning = "the bits that a code needs for one black-or-white pixel; less is better"
    return (Row("bits", "−ELBO / (D ln 2)", "bits per pixel", meaning, f"D = {math.prod(shape)} pixels", digits=4),)


def _reconstruction(model: LatentConfig, shape: Shape, term: str = "E_q[ln p(x|z)]") -> Row:
    meaning = "reconstruction: how probable x is for z drawn from q(z|x)"
    if isinstance(model, VqConfig):
        meaning = "reconstruction: how probable x is for its codes"
    return Row("reconstruction", term, _nats(shape), meaning, _likelihood(model, shape))


def _latent_rows(model: LatentConfig, shape: Shape) -> tuple[Row, ...]:
    unit = _nats(shape)
    kl_formula = "½ Σ (μ² + σ² − 1 − ln σ²), summed over the latent dimensions, in units of p(z)"
    kl: tuple[Row, ...] = (
        Row("-kl", "− KL(q(z|x) ‖ p(z))", unit, "what it costs to tell z instead of drawing it from p(z)", kl_formula),
    )
    if isinstance(model, HierarchicalConfig):
        last = len(model.latent_sizes)
        kl = tuple(
            Row(
                f"-kl {level}", f"− KL of z{_subscript(level)}", unit,
                f"what the {size} dimensions of level {level} tell"
                + (", against p(z" + _subscript(level) + ("" if level == last else f"|z{_subscript(level + 1)}") + ")"),
                kl_formula,
            )
            for level, size in enumerate(model.latent_sizes, 1)
        )  # fmt: skip
    capacity = float(getattr(model, "capacity", 0.0))
    weighted = "+ β·|KL − C|" if capacity else "+ β·KL"
    held = f"β times the distance of the KL to the capacity, C = {capacity:g} nats in the end (Burgess et al. 2018)"
    return (
        _reconstruction(model, shape),
        *kl,
        Row(
            "elbo", "= ELBO", unit, _elbo_meaning(model), "E_q[ln p(x|z)] − KL(q(z|x) ‖ p(z)) ≤ ln p(x)",
            ("reconstruction", *(row.key for row in kl)),
        ),
        *_bits(model, shape),
        Row(
            "-reconstruction", "− E_q[ln p(x|z)]", unit, "the same with the other sign: the reconstruction error",
            _likelihood(model, shape), apart=True,
        ),
        Row("weighted", weighted, unit, held if capacity else "the KL as it is weighted now",
            "β in force: after its warm-up, and as the knobs stand (Higgins et al. 2017)"),
        Row("objective", "= objective", unit, "what is minimized", "−E_q[ln p(x|z)] " + weighted,
            ("-reconstruction", "weighted")),
    )  # fmt: skip


def _autoencoder_rows(model: LatentConfig, shape: Shape) -> tuple[Row, ...]:
    meaning = "minus the reconstruction; an autoencoder has no prior, so no KL and no ELBO"
    return (
        _reconstruction(model, shape, "ln p(x|code(x))"),
        Row("objective", "= objective", _nats(shape), "what is minimized: " + meaning, "−ln p(x|code(x))",
            ("-reconstruction",)),
    )  # fmt: skip


def _codes_rows(model: VqConfig, shape: Shape) -> tuple[Row, ...]:
    unit, weight = _nats(shape), f"{model.commitment:g}·" if model.commitment != 1 else ""
    tied = Row(
        "committed", f"+ {weight}‖z_e − sg[e]‖²", unit, "commitment: keeps the encoder near its codes",
        "squared distance, summed over the grid; sg[·] lets no gradient pass (van den Oord et al. 2017, eq. 3)",
    )  # fmt: skip
    moved = Row(
        "commitment", "+ ‖sg[z_e] − e‖²", unit, "moves the codes to what they stand for",
        "the same distance; here the gradient goes to the codebook",
    )  # fmt: skip
    books = (tied, moved) if model.codebook == "loss" else (tied,)
    return (
        _reconstruction(model, shape, "ln p(x|k)"),
        Row("-kl", "− (−ln p(k))", unit, "what the prior over codes pays for the grid: the KL of a q that is one point",
            "−Σ ln p(k_i | k_1 … k_{i−1}), summed over the grid"),
        Row("elbo", "= ELBO", unit, _elbo_meaning(model), "ln p(x|k) + ln p(k) ≤ ln p(x)", ("reconstruction", "-kl")),
        *_bits(model, shape),
        Row("-reconstruction", "− ln p(x|k)", unit, "the same with the other sign: the reconstruction error",
            _likelihood(model, shape), apart=True),
        Row("kl", "+ (−ln p(k))", unit, "teaches the prior; it moves no other weight", "the codes are given to it"),
        *books,
        Row("objective", "= objective", unit, "what is minimized", "",
            ("-reconstruction", "kl", *(row.key for row in books))),
        Row("perplexity", "perplexity", f"of {model.codebook_size} codes", "how many codes are in use, in effect",
            "exp(−Σ p_i ln p_i) of how often each code is used", digits=1, apart=True),
    )  # fmt: skip


def _diffusion_rows(model: DdpmConfig, shape: Shape) -> tuple[Row, ...]:
    error, what = squared_error(model.predicts), PREDICTED[model.predicts][1]
    over = f"averaged over {_values_are(shape)}, {items_are(shape)}, and t ~ U{{1..{model.timesteps}}}"
    loss = Row("loss", error, "per value", f"squared error of the predicted {what}", over, digits=4)
    weighted = "T·L_(t−1), in bits per value"
    if model.loss == "bound":
        said = "what is minimized: each step as it counts in the bound, without L_T"
        minimized: tuple[Row, ...] = (Row("objective", "objective", "bits per value", said, weighted, digits=4),)
    elif model.variance == "learned":
        said = "what moves the learned variance"
        minimized = (
            Row("rest", "+ 0.001·T·L_(t−1)", "", said, f"{weighted}; Nichol & Dhariwal 2021, eq. 16", digits=4),
            Row("objective", "= objective", "", "what is minimized", f"{error} + 0.001·T·L_(t−1)",
                ("loss", "rest"), digits=4),
        )  # fmt: skip
    else:
        minimized = (
            Row("objective", "= objective", "per value", "what is minimized: the simple loss (Ho et al. 2020, eq. 14)",
                error, ("loss",), digits=4),
        )  # fmt: skip
    bound = Row(
        "bound", "−ELBO", _nats(shape), "the variational bound of −ln p(x₀); looked at from time to time",
        "L_T + Σ L_(t−1) + L_0: the chain is a hierarchical VAE with a fixed encoder", apart=True,
    )  # fmt: skip
    deviation = Row(
        "bound_error", "±", _nats(shape), "standard error of it", "of the average over items and draws of t"
    )
    bits: tuple[Row, ...] = ()
    if shape != _POINT:
        said = f"of 8-bit values (discretized Gaussian at t = 1); D = {math.prod(shape)}"
        bits = (
            Row("bits", "−ELBO / (D ln 2)", "bits per value", "the bits a code needs for one value; less is better",
                said, digits=3),
        )  # fmt: skip
    return (loss, *minimized, bound, deviation, *bits)


def _subscript(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


# ---- numbers -------------------------------------------------------------------------------------------------------


def amounts(config: RunConfig, shape: Shape, measurement: Measurement, beta: float) -> Mapping[str, float]:
    """Return the numbers of the rows as this measurement has them, by their keys, with the signs of the account.

    Args:
        config: the run's settings.
        shape: (channels, height, width) of an item.
        measurement: a line of ``metrics.jsonl``; what it lacks is left out.
        beta: β in force. Where it moved while these items were seen, the row of β·KL is what was really paid.
    """
    model, found = config.model, dict(measurement.values)
    if "reconstruction" in found:
        found["-reconstruction"] = -found["reconstruction"]
    if "kl" in found:
        found["-kl"] = -found["kl"]
    if isinstance(model, DdpmConfig):
        if "loss" in found:
            found.setdefault("objective", found["loss"])
            found["rest"] = found["objective"] - found["loss"]
    elif isinstance(model, VqConfig):
        if "commitment" in found:
            found["committed"] = model.commitment * found["commitment"]
    elif {"objective", "reconstruction", "kl"} <= found.keys():
        paid = found["objective"] + found["reconstruction"]
        found["weighted"] = paid if _moved(config, measurement, beta) else beta * found["kl"]
    if isinstance(model, HierarchicalConfig) and len(measurement.kl_per_dimension) == sum(model.latent_sizes):
        first = 0
        for level, size in enumerate(model.latent_sizes, 1):
            found[f"-kl {level}"] = -math.fsum(measurement.kl_per_dimension[first : first + size])
            first += size
    nats = found.get("bound", -found["elbo"] if "elbo" in found else None)
    if nats is not None:
        found["bits"] = nats / (math.prod(shape) * math.log(2))
    return found


def _moved(config: RunConfig, measurement: Measurement, beta: float) -> bool:
    """Return whether the KL cost something else than β·KL: β moved in between, or a capacity holds it."""
    if getattr(config.model, "capacity", 0.0) > 0:
        return True
    values = measurement.values
    paid, expected = values["objective"] + values["reconstruction"], beta * values["kl"]
    return abs(paid - expected) > _TOLERANCE * max(1.0, abs(values["objective"]), abs(values["reconstruction"]))


def balances(row: Row, amounts_: Mapping[str, float]) -> bool | None:
    """Return whether a sum is that of its parts; None where a number of it is missing, or the row is no sum."""
    if not row.parts or not {row.key, *row.parts} <= amounts_.keys():
        return None
    parts = [amounts_[key] for key in row.parts]
    largest = max(1.0, *(abs(part) for part in (*parts, amounts_[row.key])))
    return abs(math.fsum(parts) - amounts_[row.key]) <= _TOLERANCE * largest


def remark(config: RunConfig, measurement: Measurement, beta: float) -> str:
    """Return what has to be said where a measurement was paid with another β than that in force now; else ""."""
    values = measurement.values
    if not hasattr(config.model, "beta") or not {"objective", "reconstruction", "kl"} <= values.keys():
        return ""
    if getattr(config.model, "capacity", 0.0) > 0 or not _moved(config, measurement, beta) or values["kl"] <= 0:
        return ""
    paid = (values["objective"] + values["reconstruction"]) / values["kl"]
    if measurement.split == "test":
        return f"When the test items were looked at β was {paid:.3g}, and now it is {beta:.3g}."
    return f"β moved while the training items were seen: on average it was {paid:.3g}, and now it is {beta:.3g}."


def convention(config: RunConfig, shape: Shape) -> str:
    """Return by which convention the numbers of a run are summed and averaged, in words."""
    items = items_are(shape)
    if isinstance(config.model, DiffusionConfig):
        averaged = " and the averaged weights" if getattr(config.model, "ema_decay", 0.0) > 0 else ""
        return (
            f"Losses are averaged over {_values_are(shape)}; the bound is summed over them. All are averaged over "
            f"{items}: train, those since the last point of the curves; test, at most 2048, always with the same noise"
            f"{averaged}."
        )
    return (
        f"Summed over {_values_are(shape)} and all latents, averaged over {items}: train, those since the last point "
        "of the curves; test, at most 2048, always with the same noise."
    )
