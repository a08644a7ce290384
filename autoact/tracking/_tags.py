"""Tags: every name under which something is written to TensorBoard."""

PREFIX = "autoact"
WEIGHTS_FIGURE = f"{PREFIX}/weights"
FUNCTIONS_FIGURE = f"{PREFIX}/functions"
COMPARISON_FIGURE = f"{PREFIX}/comparison"
WARNINGS = f"{PREFIX}/warnings"
LOGGING_SHARE = f"{PREFIX}/logging_share"  # of the elapsed time


def entropy(layer: str) -> str:
    """Return the tag of the entropy of a layer's mixture weights, in nats."""
    return _of(layer, "entropy")


def margin(layer: str) -> str:
    """Return the tag of the largest minus the second largest weight of a layer."""
    return _of(layer, "margin")


def weight(layer: str, candidate: str) -> str:
    """Return the tag of one candidate's weight.

    >>> weight("net.1", "elu")
    'autoact/net.1/weight/elu'
    """
    return _of(layer, f"weight/{candidate}")


def parameter(layer: str, name: str) -> str:
    """Return the tag of an activation parameter, as in `elu.alpha`, in natural units."""
    return _of(layer, f"parameter/{name}")


def kappa(layer: str) -> str:
    """Return the tag of κ, the relative gradient noise E[f'²] / E[f']² under measured pre-activations."""
    return _of(layer, "kappa")


def own_kappa(layer: str) -> str:
    """Return the tag of what κ would be under N(0, 1): the function's own."""
    return _of(layer, "own_kappa")


def chi(layer: str) -> str:
    """Return the tag of χ = σ_w² E[f'²], by which a layer scales squared gradients."""
    return _of(layer, "chi")


def dead(layer: str) -> str:
    """Return the tag of the share of units that passed no gradient in the last window of batches."""
    return _of(layer, "dead")


def saturated(layer: str) -> str:
    """Return the tag of the share of units that were met only where the function is nearly flat."""
    return _of(layer, "saturated")


def gradient(layer: str) -> str:
    """Return the tag of the root mean square of the gradient at the pre-activations."""
    return _of(layer, "gradient")


def mean(layer: str) -> str:
    """Return the tag of the mean of the pre-activations."""
    return _of(layer, "mean")


def second_moment(layer: str) -> str:
    """Return the tag of the mean square of the pre-activations."""
    return _of(layer, "second_moment")


def _of(layer: str, quantity: str) -> str:
    return f"{PREFIX}/{layer or 'model'}/{quantity}"
