"""Doubts about a choice that a layer makes: what it could not learn, did not see, or cannot express."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoact.nn._auto import AutoActivation

POOR = 0.1  # of the function's own deviation: 1 % of its variance is lost; ELU against ReLU is 0.4
_SHOWN = 5
_TRAINED = 4  # observations: eight training forwards, more than somebody's probe


class DoubtfulChoiceWarning(UserWarning):
    """The choice of a layer means little; the message says why and what to do."""


def warn_of(layers: Mapping[str, AutoActivation]) -> None:
    """Warn in one line for each kind of doubt about the choices of layers, with what to do.

    A layer as new has none: its choice is its start.

    Args:
        layers: By path.

    Example:
        >>> from autoact import AutoActivation
        >>> warn_of({"net.1": AutoActivation(["relu", "tanh"], start="tanh")})
    """
    found: dict[str, list[str]] = {}
    for path, layer in layers.items():
        for text in _of(layer):
            found.setdefault(text, []).append(path)
    for text, paths in found.items():
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        warnings.warn(f"{', '.join(paths[:_SHOWN])}{more}: {text}", DoubtfulChoiceWarning, stacklevel=3)


def _of(layer: AutoActivation) -> Iterator[str]:
    if len(layer.candidates) == 1:
        return
    moved = bool((layer.logits != layer.anchor).any())
    started, observed = float(layer.release) == 0, int(layer.observed)
    if started and observed >= _TRAINED and not moved:
        yield (
            "ran in training, but its logits never moved, so the choice is the start. Make the optimizer "
            "after convert(model), with model.parameters() or autoact.training.param_groups(model)."
        )
    if started and moved:
        yield (
            "`release` is 0, so the layer computed its start while its logits learned, and the choice is the "
            "start. Train on in training mode (model.train()) with release_steps set, or raise `release`."
        )
    if not observed and (moved or not started):
        yield (
            "no inputs were observed, so the choice assumes N(0, 1). Run some batches through the model in "
            "training mode, or call layer.observe(x) on its inputs."
        )
    if (moved or observed) and not started and layer.projection().error > POOR:
        yield (
            f"no candidate comes nearer to the learned mixture than {POOR:.0%} of its deviation, so the loss "
            "will jump. Train on after finalize(model), and compare with the original: autoact.run_search."
        )
