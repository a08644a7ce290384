"""Catalogue of the designs, by the name that tables of results show."""

from collections.abc import Mapping
from functools import partial

from scripts.benchmarks.designs._bilevel import bilevel
from scripts.benchmarks.designs._joint import Design, by_selection, joint
from scripts.benchmarks.designs._mixtures import auto, mixed
from scripts.benchmarks.designs._one_shot import one_shot
from scripts.benchmarks.designs._readouts import READOUTS
from scripts.benchmarks.designs._relaxations import entmax15, gumbel, shrinking, softmax, sparsemax

ALL = tuple(READOUTS)
DESIGNS: Mapping[str, Design] = {
    "uniform softmax": joint(auto, readouts=ALL),
    "uniform softmax, scaled gradients": joint(partial(auto, standardize=True), readouts=ALL),
    "standardised candidates": joint(mixed(softmax, standardized=True)),
    "anchored, release 0-0.05": joint(partial(auto, start="relu"), (0.0, 0.05), ALL),
    "anchored, release 0-0.25": joint(partial(auto, start="relu"), (0.0, 0.25), ALL),
    "anchored, release 0-1": joint(partial(auto, start="relu"), (0.0, 1.0), ALL),
    "anchored, release 0.25-0.5": joint(partial(auto, start="relu"), (0.25, 0.5), ALL),
    "anchored, never released": joint(partial(auto, start="relu"), None, ("weights",)),
    "anchored 0-0.25, scaled gradients": joint(
        partial(auto, start="relu", standardize=True), (0.0, 0.25), ALL
    ),
    "gumbel": joint(mixed(gumbel)),
    "sparsemax": joint(mixed(sparsemax)),
    "entmax15": joint(mixed(entmax15)),
    "shrinking": joint(mixed(shrinking)),
    "bilevel, first order": bilevel(1),
    "bilevel, second order": bilevel(2),
    "logits on selection rows": by_selection(standardized=False),
    "logits on selection rows, standardised candidates": by_selection(standardized=True),
    "one-shot": one_shot(standardized=False),
    "one-shot, standardised candidates": one_shot(standardized=True),
}
