"""Surroundings of a model's activations: roles, copies of networks, and what changes in place beside them."""

from autoact.conversion.surroundings._asking_code import questions
from autoact.conversion.surroundings._copies import copies, source_of
from autoact.conversion.surroundings._feeding import fed_by_child, fed_by_parameter
from autoact.conversion.surroundings._mirrored import mirrored
from autoact.conversion.surroundings._neighbors import Neighbors, neighbors
from autoact.conversion.surroundings._plain_blocks import make_block_plain, plain_sizes
from autoact.conversion.surroundings._roles import Roles, roles
from autoact.conversion.surroundings._same_weights import first_paths
from autoact.conversion.surroundings._structure import evaluating, join
from autoact.conversion.surroundings._transformer import settle
from autoact.conversion.surroundings._with_ones import has_ones

__all__ = [
    "Neighbors",
    "Roles",
    "copies",
    "evaluating",
    "fed_by_child",
    "fed_by_parameter",
    "first_paths",
    "has_ones",
    "join",
    "make_block_plain",
    "mirrored",
    "neighbors",
    "plain_sizes",
    "questions",
    "roles",
    "settle",
    "source_of",
]
