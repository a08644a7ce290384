"""First call of torch.compile, and steps after it: a model with learned activations, and as it was.

    python scripts/benchmarks/contest/compile_time.py [--layers 53] [--backends eager,aot_eager,inductor]
        [--repetitions 3] [--short]

Prints for tensors of 2^11, 2^13 and 2^16 elements: CPU seconds of the first forward and backward, the least
of the repetitions, in which the two models take turns; nodes of the graph for each layer; the time of later
steps over that of the plain model, in turns; and how many graphs four steps take.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from scripts.benchmarks.contest._turns import in_turns, ratio

SHAPES = ((32, 64), (128, 64), (256, 256))
MODELS = ("plain", "converted")


@dataclass(frozen=True)
class First:
    """A first call: CPU seconds, nodes of the graph per layer, graphs after four steps, and a step more."""

    seconds: float
    nodes: float
    graphs: int
    step: Callable[[], None]


def model(kind: str, layers: int, width: int) -> nn.Module:
    """Return layers of one width with a ReLU after each, as they are or converted."""
    torch.manual_seed(0)
    made = nn.Sequential(*(nn.Sequential(nn.Linear(width, width), nn.ReLU()) for _ in range(layers)))
    return made if kind == "plain" else autoact.convert(made)


def first_call(kind: str, layers: int, shape: Sequence[int], backend: str) -> First:
    """Compile a model by calling it, and train it for four steps."""
    net, x = model(kind, layers, shape[-1]), torch.randn(*shape)
    optimizer = torch.optim.SGD(net.parameters(), 1e-3)
    sizes: list[int] = []
    compiler = torch._dynamo.lookup_backend(backend)

    def counting(graph: torch.fx.GraphModule, inputs: list[Any]) -> Any:
        sizes.append(sum(node.op != "placeholder" for node in graph.graph.nodes))
        return compiler(graph, inputs)

    torch._dynamo.reset()
    compiled: Any = torch.compile(net, backend=counting, fullgraph=True)
    start = time.process_time()
    compiled(x).sum().backward()
    seconds = time.process_time() - start

    def step() -> None:
        optimizer.step()
        optimizer.zero_grad()
        compiled(x).sum().backward()

    for _ in range(3):
        step()
    return First(seconds, sizes[0] / layers, len(sizes), step)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=53)
    parser.add_argument("--backends", default="eager,aot_eager,inductor")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="3 layers, once, without inductor")
    given = parser.parse_args(arguments)
    layers, repetitions = (3, 1) if given.short else (given.layers, given.repetitions)
    backends = "eager,aot_eager" if given.short else given.backends
    # what an earlier run compiled does not count
    torch.compiler.config.force_disable_caches = "inductor" in backends
    first_call("plain", 1, SHAPES[0], "aot_eager")  # imports
    print(f"torch {torch.__version__}, {layers} layers, {torch.get_num_threads()} threads")
    print("elements  backend      plain s  converted s  ratio  nodes a layer  steps  graphs")
    for shape in SHAPES:
        for backend in backends.split(","):
            found: dict[str, list[First]] = {kind: [] for kind in MODELS}
            for _ in range(repetitions):
                for kind in MODELS:
                    found[kind].append(first_call(kind, layers, shape, backend))
            times = in_turns({kind: found[kind][-1].step for kind in MODELS}, "cpu", 3 * repetitions)
            plain, ours = (min(found[kind], key=lambda each: each.seconds) for kind in MODELS)
            print(
                f"{shape[0] * shape[1]:8}  {backend:10}  {plain.seconds:8.2f}  {ours.seconds:11.2f}  "
                f"{ours.seconds / plain.seconds:5.2f}  {plain.nodes:5.1f} {ours.nodes:7.1f}  "
                f"{ratio(times, 'converted', 'plain'):5.2f}  {ours.graphs:6}"
            )


if __name__ == "__main__":
    main()
