"""Layers of a stack whose rows differ: an activation or a mask of dropout for each network."""

from autoact.training.stack.rows._row_activations import RowActivations
from autoact.training.stack.rows._row_dropout import RowDropout, put_dropouts, recorded_dropouts

__all__ = ["RowActivations", "RowDropout", "put_dropouts", "recorded_dropouts"]
