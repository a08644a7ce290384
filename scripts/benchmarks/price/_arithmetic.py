"""Arithmetic of a stack: what its trainings would cost if all else were free."""

import time
from collections.abc import Iterator

from torch.profiler import ProfilerActivity, profile

from autoact.conversion import find_layers
from autoact.spaces import Assignment
from autoact.training import split
from autoact.training.stack import Member, train_stack
from scripts.benchmarks.price._cases import Case
from scripts.benchmarks.price._meter import clock

PRODUCTS = tuple(
    f"aten::{name}"
    for name in ("mm", "bmm", "addmm", "baddbmm", "mkldnn_convolution", "convolution_backward")
)
ELEMENTS = tuple(
    f"aten::{name}"
    for name in (
        *("gelu", "gelu_backward", "tanh", "tanh_backward", "elu", "elu_backward"),
        *("clamp_min", "threshold_backward", "_log_softmax", "_log_softmax_backward_data"),
        *("nll_loss_forward", "nll_loss_backward", "mse_loss", "mse_loss_backward", "_fused_adam_"),
    )
)
CHOSEN = ("gelu", "elu", "tanh")  # of the layers in turn; another arm has gelu everywhere


def arithmetic(case: Case, seeds: int) -> Iterator[tuple[str, float]]:
    """Give processor seconds of a training in a stack of three arms, as a confirmation is.

    Args:
        case: The case.
        seeds: Of each arm.

    Yields:
        A name and seconds of one training: the whole, its products, its activations, loss and optimizer.
    """
    parts = split(case.data)
    paths = list(find_layers(case.model()).layers)
    chosen = Assignment({path: CHOSEN[place % len(CHOSEN)] for place, path in enumerate(paths)})
    arms = (None, chosen, Assignment(dict.fromkeys(paths, CHOSEN[0])))
    members = [Member(assignment=arm, seed=seed, comparison=True) for seed in range(seeds) for arm in arms]

    def trained() -> None:
        train_stack(case.model, parts, members, monitor="val_loss", trainer=case.trainer)

    trained()  # warms up
    start = clock()
    trained()
    yield "a training in the stack", (clock() - start) / len(members)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        start, began = clock(), time.perf_counter()
        trained()
        busy = (clock() - start) / (time.perf_counter() - began)  # the profiler has a clock on the wall
    spent = {event.key: busy * event.self_cpu_time_total * 1e-6 for event in profiler.key_averages()}
    for name, operators in (("its products", PRODUCTS), ("its activations, loss, optimizer", ELEMENTS)):
        yield name, sum(spent.get(operator, 0.0) for operator in operators) / len(members)
