"""Plain form of a gated block: its gate multiplies the number 1, and the block is wider instead.

It is made when somebody names it, and stands in no list and no family: it suits one place only, what a gate
multiplies, and the block there gets weights of other shapes.
"""

import sympy as sp

from autoact.activations._activation import Activation

PLAIN = "plain"
PLAIN_FORM = Activation(
    PLAIN,
    sp.Integer(1),
    family="form",
    reference="Shazeer 2020, arXiv:2002.05202",
    description="The number 1 for what a gate multiplies; its block gets as many parameters by more width.",
)
