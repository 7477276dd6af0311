"""Which latent dimensions have collapsed, since when, and what to try: plain words from the KL per dimension."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from explorer.config import ACTIVE_NATS, HierarchicalConfig, ModelConfig, RunConfig, VqConfig
from explorer.remedies import against_collapse, against_unused_codes, set_to, slower_warm_up

Severity = Literal["wait", "good", "warn", "bad"]
_GRAVEST_FIRST: tuple[Severity, ...] = ("bad", "warn", "wait", "good")
_AWAKE_NATS = 1.5 * ACTIVE_NATS  # to wake up takes more than to stay awake, so that noise does not flicker
_LOOKS = 3  # in a row, before anything is believed
_FIRST_LOOKS, _FIRST_EPOCHS = 12, 2.0  # in which nothing is judged: most runs begin on a plateau
_NEAR = 20.0  # epochs for which a turn of β is named as what a change came after
_FEW = 0.25  # of the dimensions; fewer are worth a word even where β is meant to prune
_NAMED = 6


@dataclass(frozen=True)
class Finding:
    """One thing to be said, in plain words.

    Attributes:
        severity: "wait" where it is too early to tell, "good", "warn" or "bad".
        text: what is so.
        advice: what to try, the most promising first; nothing where nothing is wrong.
        dimensions: the latent dimensions it is about.
        epoch: since when, None where it has no beginning.
    """

    severity: Severity
    text: str
    advice: tuple[str, ...] = ()
    dimensions: tuple[int, ...] = ()
    epoch: float | None = None


@dataclass(frozen=True)
class _Turn:
    """β was turned after ``epoch``."""

    epoch: float
    before: float
    after: float


class _Switch:
    """Whether a number is up: it goes up over ``high`` and down below ``low``, each ``_LOOKS`` times in a row."""

    __slots__ = ("came_back", "cause", "first", "high", "looks", "low", "since", "up", "was_up")

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.up = self.was_up = self.came_back = False
        self.since = 0.0  # epoch of the last change
        self.cause: _Turn | None = None
        self.first, self.looks = 0.0, 0

    def look(self, epoch: float, value: float) -> bool:
        """Take note of a value and return whether the state has changed."""
        other = value < self.low if self.up else value >= self.high
        if other and not self.looks:
            self.first = epoch
        self.looks = self.looks + 1 if other else 0
        if self.looks < _LOOKS:
            return False
        self.came_back = self.was_up and not self.up
        self.up, self.since, self.looks = not self.up, self.first, 0
        self.was_up = self.was_up or self.up
        return True


def levels_of(model: ModelConfig) -> tuple[int, ...]:
    """Return the number of latent dimensions of each level, from the picture up; nothing where there is no KL."""
    if isinstance(model, HierarchicalConfig):
        return model.latent_sizes
    return (model.latent_size,) if model.family in {"vae", "conditional"} else ()


class CollapseWatch:
    """Follows the KL of every dimension through a training, in memory that does not grow.

    Posterior collapse: KL(q(z_k|x) ‖ p(z_k)), averaged over x, is below ``ACTIVE_NATS``, so that z_k tells nothing of x
    (Bowman et al. 2016, arXiv:1511.06349). A β-VAE is meant to prune dimensions it can do without: that alone is well.
    Of a VQ-VAE it is the codebook that is watched, by the perplexity of the codes used.

    Args:
        config: the run's settings.
        names: of the dimensions; z0, z1, … where there are none.
    """

    def __init__(self, config: RunConfig, names: Sequence[str] = ()) -> None:
        self._config, self._model = config, config.model
        self._levels = levels_of(config.model)
        size = sum(self._levels)
        self._names = list(names) or [f"z{k}" for k in range(size)]
        self._dimensions = [_Switch(ACTIVE_NATS, _AWAKE_NATS) for _ in range(size)]
        self._woke_late: set[int] = set()
        self._few_codes, self._one_code = _Switch(0.2, 0.25), _Switch(0.03, 0.05)
        self._perplexity = 0.0
        self._turn: _Turn | None = None
        self._turn_seen = 0
        self._beta = self._epoch = 0.0
        self._looks = 0
        self._judged_from = _FIRST_LOOKS
        self._warm_up = float(getattr(config.model, "warm_up_epochs", 0.0))
        self._capacity = float(getattr(config.model, "capacity", 0.0))
        grows = float(getattr(config.model, "capacity_epochs", 0.0)) if self._capacity > 0 else 0.0
        self._rises_until = max(self._warm_up, grows)
        self._calm_until = max(_FIRST_EPOCHS, self._rises_until)

    @property
    def watches(self) -> bool:
        """Return whether a model of this family can collapse at all."""
        return bool(self._dimensions) or isinstance(self._model, VqConfig)

    # ---- looking ----

    def add(
        self, epoch: float, kl_per_dimension: Sequence[float], beta: float, perplexity: float | None = None
    ) -> None:
        """Take note of a point of the curves; one that is not of this model is passed over.

        Args:
            epoch: passes over the data.
            kl_per_dimension: average KL in nats of each dimension; of a VQ-VAE it is not looked at.
            beta: β in force there, after its warm-up and as the knobs stand.
            perplexity: of the codes used, of a VQ-VAE.
        """
        if isinstance(self._model, VqConfig):
            if perplexity is not None:
                self._count(epoch, beta)
                self._perplexity = perplexity
                # 0 where one code is used, 1 where all are used alike, whatever the size of the codebook
                share = (perplexity - 1) / (self._model.codebook_size - 1)
                for codes in (self._few_codes, self._one_code):
                    codes.look(epoch, share)
        elif self._dimensions and len(kl_per_dimension) == len(self._dimensions):
            self._count(epoch, beta)
            for k, (switch, value) in enumerate(zip(self._dimensions, kl_per_dimension, strict=True)):
                if switch.look(epoch, value):
                    self._changed(k, switch)

    def _count(self, epoch: float, beta: float) -> None:
        if self._looks and self._was_turned(epoch, beta):
            first, going = _Turn(self._epoch, self._beta, beta), self._turn
            if going and self._turn_seen == self._looks - 1 and (going.after < going.before) == (beta < self._beta):
                first = _Turn(going.epoch, going.before, beta)  # one move of the hand, seen in the middle
            self._turn, self._turn_seen = first, self._looks
            # Somebody has taken the wheel, so there is no waiting for what was planned: what comes of it shows soon.
            self._calm_until = min(self._calm_until, epoch)
            self._judged_from = min(self._judged_from, self._looks + _LOOKS)
        self._epoch, self._beta = epoch, beta
        self._looks += 1

    def _was_turned(self, epoch: float, beta: float) -> bool:
        """Return whether β changed by more than a warm-up, where it rises in proportion to the epoch, explains."""
        if self._epoch >= self._warm_up:
            return beta != self._beta
        explained = self._beta * epoch / self._epoch if self._epoch > 0 and self._beta > 0 else beta
        return beta < 0.95 * self._beta or beta > 1.2 * explained

    def _changed(self, k: int, switch: _Switch) -> None:
        turn = self._turn
        if turn is not None:
            near = turn.epoch <= switch.since <= turn.epoch + _NEAR
            turn = turn if near and (turn.after < turn.before) == switch.up else None
        switch.cause = turn
        if switch.up and not switch.came_back and not self._too_early:
            self._woke_late.add(k)

    @property
    def _too_early(self) -> str:
        """Return why it is too early to tell; nothing when it is not."""
        if self._epoch < min(self._calm_until, self._rises_until):
            what = "β warms up" if self._warm_up >= self._rises_until else "the capacity C grows"
            return f"{what} until epoch {_short(self._rises_until)}"
        first = self._epoch < self._calm_until or self._looks < self._judged_from
        return "the training has just begun" if first else ""

    # ---- saying ----

    def findings(self) -> tuple[Finding, ...]:
        """Return what is to be said now, the gravest first; nothing of a family that cannot collapse."""
        if not self.watches:
            return ()
        if not self._looks:
            return (Finding("wait", "Collapse is watched for as soon as the curves have points."),)
        early = self._too_early
        if early:
            return (Finding("wait", f"Too early to speak of collapse: {early}."),)
        found = self._of_codes() if isinstance(self._model, VqConfig) else self._of_dimensions()
        return tuple(sorted(found, key=lambda one: _GRAVEST_FIRST.index(one.severity)))

    def _of_dimensions(self) -> list[Finding]:
        used = [k for k, switch in enumerate(self._dimensions) if switch.up]
        if not used:
            return [self._whole_collapse()]
        return [self._summary(used), *self._lost_levels(), *self._lost(len(used)), *self._recovered()]

    def _whole_collapse(self) -> Finding:
        everything = tuple(range(len(self._dimensions)))
        one, what = len(everything) == 1, "q(z|x) is p(z), so the decoder learns nothing of x from z"
        lost = [switch for switch in self._dimensions if switch.was_up]
        if not lost:
            said = "The dimension has not" if one else f"None of the {len(everything)} dimensions has"
            return Finding("bad", f"{said} woken up yet: {what}.", self._remedies(None), everything)
        since = max(switch.since for switch in lost)
        cause = next((switch.cause for switch in lost if switch.cause), None)
        who = "The only dimension has" if one else f"All {len(everything)} dimensions have"
        text = f"{who} collapsed since epoch {_short(since)}{_after(cause)}: {what}."
        return Finding("bad", text, self._remedies(cause), everything, since)

    def _summary(self, used: list[int]) -> Finding:
        """Return the sentence that says how many dimensions are in use, and whether that is well."""
        count, size = len(used), len(self._dimensions)
        if count == size:
            said = "The dimension is in use: it tells" if size == 1 else f"All {size} dimensions are in use: each tells"
            return Finding("good", f"{said} at least {ACTIVE_NATS:g} nats of x.", (), tuple(used))
        unused = tuple(k for k in range(size) if k not in used)
        text = f"{count} of {size} dimensions {'is' if count == 1 else 'are'} in use"
        if self._capacity > 0:
            text += f"; the objective asks for no more KL than C = {self._capacity:g} nats."
            higher = set_to(self._config, "model.capacity", f"above {self._capacity:g} nats")
            more = f"To let more of them in: {higher}."
        elif self._beta > 1:
            text += f"; β = {self._beta:g} prunes the rest, that is what β is for."
            more = "A lower β lets more of them in."
        else:
            text += "; the data ask for no more, or the others never woke up."
            more = f"To see which, in another run {slower_warm_up(self._config)}."
        if count == 1 or count < _FEW * size:
            return Finding("warn", text, (more, *self._remedies(None)[:2]), unused)
        quiet = all(self._dimensions[k].cause is None for k in unused)
        return Finding(
            "good", text, (f"Nothing has to be mended. {more}" if quiet else more, *self._fewer(count)), unused
        )

    def _lost(self, used: int) -> list[Finding]:
        """Return what is to be said of dimensions that were in use and are not; β's quiet work is well."""
        found = []
        lost = [k for k, switch in enumerate(self._dimensions) if switch.was_up and not switch.up]
        for turn, group in self._by_cause(lost):
            text, since = self._event(group, "collapsed", turn)
            if turn is None and (self._beta > 1 or self._capacity > 0):
                text = f"{text.removesuffix('.')}: pruned, as it is meant to be."
                found.append(Finding("good", text, (), tuple(group), since))
            else:
                advice = self._remedies(turn)[:3] + (self._fewer(used) if turn is None else ())
                found.append(Finding("warn", text, advice, tuple(group), since))
        return found

    def _lost_levels(self) -> list[Finding]:
        """Return the levels of a hierarchy of which nothing is in use: the usual fault of its upper levels."""
        found, first = [], 0
        for level, size in enumerate(self._levels, 1):
            inside, first = range(first, first + size), first + size
            if len(self._levels) > 1 and not any(self._dimensions[k].up for k in inside):
                text = f"Level {level} of {len(self._levels)} is not in use: none of its {size} dimensions tells of x."
                bottom_up = getattr(self._model, "inference", "") == "bottom-up"
                advice = self._remedies(None)[:2]
                if bottom_up:
                    ladder = set_to(self._config, "model.inference", "ladder")
                    advice = (f"Merge from the top down, as Sønderby et al. 2016: {ladder}.", *advice)
                found.append(Finding("warn", text, advice, tuple(inside)))
        return found

    def _recovered(self) -> list[Finding]:
        back = [k for k, switch in enumerate(self._dimensions) if switch.up and switch.came_back]
        late = [k for k in sorted(self._woke_late) if self._dimensions[k].up and k not in back]
        found = []
        for what, members in (("came back", back), ("woke up", late)):
            for turn, group in self._by_cause(members):
                text, since = self._event(group, what, turn)
                found.append(Finding("good", text, (), tuple(group), since))
        return found

    def _of_codes(self) -> list[Finding]:
        assert isinstance(self._model, VqConfig)
        worth = f"the perplexity of the codes used is {self._perplexity:.1f} of {self._model.codebook_size}"
        remedies = against_unused_codes(self._config, self._perplexity)
        for switch, severity, what in (
            (self._one_code, "bad", "The codebook has collapsed"),
            (self._few_codes, "warn", "Few codes are in use"),
        ):
            if not switch.up:
                since = switch.since if switch.was_up else None
                when = "" if since is None else f" since epoch {_short(since)}"
                return [Finding(severity, f"{what}{when}: {worth}.", remedies, epoch=since)]  # type: ignore[arg-type]
        found = [Finding("good", f"The codebook is in use: {worth}.")]
        if self._few_codes.came_back:
            since = self._few_codes.since
            found.append(Finding("good", f"The codes came back into use at epoch {_short(since)}.", epoch=since))
        return found

    # ---- words ----

    def _by_cause(self, dimensions: Iterable[int]) -> list[tuple[_Turn | None, list[int]]]:
        groups: dict[_Turn | None, list[int]] = {}
        for k in dimensions:
            groups.setdefault(self._dimensions[k].cause, []).append(k)
        return list(groups.items())

    def _event(self, dimensions: Sequence[int], what: str, turn: _Turn | None) -> tuple[str, float]:
        """Return what happened to dimensions, in a sentence, and the epoch of the first of them."""
        epochs = [self._dimensions[k].since for k in dimensions]
        first, last = _short(min(epochs)), _short(max(epochs))
        when = f"at epoch {first}" if first == last else f"between epochs {first} and {last}"
        return f"{self._listed(dimensions)} {what} {when}{_after(turn)}.", min(epochs)

    def _listed(self, dimensions: Sequence[int]) -> str:
        names = [self._names[k] for k in dimensions]
        if len(names) > _NAMED:
            names = [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more"]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

    def _remedies(self, turn: _Turn | None) -> tuple[str, ...]:
        if turn is not None and self._beta < turn.after:
            return (f"β is down at {self._beta:g} again: give them some epochs to come back.",)
        return against_collapse(self._config, self._beta)

    def _fewer(self, used: int) -> tuple[str, ...]:
        if len(self._levels) > 1:
            return ()
        return (f"A smaller latent space would do: {set_to(self._config, 'model.latent_size', str(used))}.",)


def _short(epoch: float) -> str:
    return f"{epoch:.1f}".removesuffix(".0")


def _after(turn: _Turn | None) -> str:
    return "" if turn is None else f" after β was turned from {turn.before:g} to {turn.after:g}"
