"""Karate club and whom its members join after the split: activations of a graph network, layer by layer.

    python scripts/examples/applications/graph.py [--short] [--data-dir CORA] [--out DIR]

Zachary's club (1977): 34 members, 78 friendships, two factions. A graph convolutional network sees who is
friends with whom; the factions of ten members train it, those of eight guide the search, and those of 16
compare. With --data-dir, the Cora citations instead: cora.npz in that folder, or cora.content and cora.cites.
Searches the space `graph`, prints the verdict and draws graph.png. About 30 s; --short 10 s.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from autoact.errors import AutoActError, DataError
from autoact.search import SearchResult
from scripts import terminal
from scripts.examples.applications._pictures import draw_seeds

# Zachary, W. W. (1977), An information flow model for conflict and fission in small groups, Journal of
# Anthropological Research 33: friends of each member with a smaller number, members counted from 1.
FRIENDS = {
    2: (1,),
    3: (1, 2),
    4: (1, 2, 3),
    5: (1,),
    6: (1,),
    7: (1, 5, 6),
    8: (1, 2, 3, 4),
    9: (1, 3),
    10: (3,),
    11: (1, 5, 6),
    12: (1,),
    13: (1, 4),
    14: (1, 2, 3, 4),
    17: (6, 7),
    18: (1, 2),
    20: (1, 2),
    22: (1, 2),
    26: (24, 25),
    28: (3, 24, 25),
    29: (3,),
    30: (24, 27),
    31: (2, 9),
    32: (1, 25, 26, 29),
    33: (3, 9, 15, 16, 19, 21, 23, 24, 30, 31, 32),
    34: (9, 10, 14, 15, 16, 19, 20, 21, 23, 24, 27, 28, 29, 30, 31, 32, 33),
}
CORA_ARRAYS = (
    *("feature_rows", "feature_cols", "num_features", "labels", "edges"),
    *("train_index", "val_index", "test_index"),
)
INSTRUCTORS = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 17, 18, 20, 22))  # who stayed with him


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes, what is known of them, and who is joined to whom.

    Attributes:
        features: (N, F).
        labels: (N,) classes.
        edges: (E, 2), each pair once.
        parts: Rows that train, guide the search and compare.
    """

    features: Tensor
    labels: Tensor
    edges: Tensor
    parts: tuple[Tensor, Tensor, Tensor]

    @property
    def propagation(self) -> Tensor:
        """D^(-1/2) (A + I) D^(-1/2), sparse (N, N): each node's mean over itself and its neighbors."""
        count = len(self.labels)
        loops = torch.arange(count)[:, None].expand(-1, 2)
        pairs = torch.cat([self.edges, self.edges.flip(1), loops]).T
        scale = torch.bincount(pairs[0], minlength=count).float().rsqrt()
        values = scale[pairs[0]] * scale[pairs[1]]
        return torch.sparse_coo_tensor(pairs, values, (count, count), check_invariants=True).coalesce()


def karate_club() -> Graph:
    """Return the club; members are known by their friendships only."""
    edges = torch.tensor([(a - 1, b - 1) for a, friends in FRIENDS.items() for b in friends])
    labels = torch.tensor([int(member + 1 not in INSTRUCTORS) for member in range(34)])
    return Graph(features=torch.eye(34), labels=labels, edges=edges, parts=divide(labels, (5, 4)))


def cora(folder: Path) -> Graph:
    """Return the citations: 2,708 papers, 1,433 words, 7 subjects; 20 papers of each subject train.

    Arrays in cora.npz bring the public split of Yang et al. (2016) along; text files are divided here.

    Raises:
        DataError: A file is missing, or a line is not what it should be; names both.
    """
    arrays = folder / "cora.npz"
    return _cora_arrays(arrays) if arrays.is_file() else _cora_text(folder)


def _cora_arrays(path: Path) -> Graph:
    with np.load(path) as stored:
        missing = [name for name in CORA_ARRAYS if name not in stored]
        if missing:
            raise DataError(f"{path} lacks {', '.join(missing)}; it must hold {', '.join(CORA_ARRAYS)}.")
        arrays = {name: torch.from_numpy(np.asarray(stored[name], dtype=np.int64)) for name in CORA_ARRAYS}
    words = torch.zeros(len(arrays["labels"]), int(arrays["num_features"]))
    words[arrays["feature_rows"], arrays["feature_cols"]] = 1.0
    ends = arrays["edges"].sort(dim=1).values.unique(dim=0)
    return Graph(
        features=words / words.sum(1, keepdim=True).clamp(min=1),
        labels=arrays["labels"],
        edges=ends[ends[:, 0] != ends[:, 1]],
        parts=(arrays["train_index"], arrays["val_index"], arrays["test_index"]),
    )


def _cora_text(folder: Path) -> Graph:
    rows = [_paper(folder / "cora.content", at, line) for at, line in _lines(folder / "cora.content")]
    place = {name: row for row, (name, _, _) in enumerate(rows)}
    subjects = sorted({subject for _, _, subject in rows})
    labels = torch.tensor([subjects.index(subject) for _, _, subject in rows])
    words = torch.tensor([words for _, words, _ in rows], dtype=torch.float32)
    cited = [_citation(folder / "cora.cites", at, line, place) for at, line in _lines(folder / "cora.cites")]
    edges = {tuple(sorted(pair)) for pair in cited if pair[0] != pair[1]}
    features = words / words.sum(1, keepdim=True).clamp(min=1)
    return Graph(
        features=features, labels=labels, edges=torch.tensor(sorted(edges)), parts=divide(labels, (20, 70))
    )


def _lines(path: Path) -> list[tuple[int, str]]:
    if not path.is_file():
        raise DataError(
            f"There is no {path}; --data-dir takes the folder of cora.npz, or of cora.content and cora.cites."
        )
    return [(at, line) for at, line in enumerate(path.read_text().splitlines(), 1) if line.strip()]


def _paper(path: Path, at: int, line: str) -> tuple[str, list[int], str]:
    name, *words, subject = line.split()
    if not words or not set(words) <= {"0", "1"}:
        raise DataError(f"{path}, line {at}: a paper is its number, words as 0 or 1, and its subject.")
    return name, [int(word) for word in words], subject


def _citation(path: Path, at: int, line: str, place: dict[str, int]) -> tuple[int, int]:
    papers = line.split()
    if len(papers) != 2 or not set(papers) <= place.keys():
        raise DataError(f"{path}, line {at}: a citation is two papers of cora.content; got {line!r}.")
    return place[papers[0]], place[papers[1]]


def divide(labels: Tensor, each: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Return rows that train, guide and compare: some of each class, and all others."""
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(labels), generator=generator)
    by_class = [order[labels[order] == label] for label in labels.unique()]
    first, second = each
    train = torch.cat([rows[:first] for rows in by_class])
    guide = torch.cat([rows[first : first + second] for rows in by_class])
    compare = torch.cat([rows[first + second :] for rows in by_class])
    return train, guide, compare


class GraphNetwork(L.LightningModule):
    """Three graph convolutions, each a linear layer after a mean over neighbors, with ReLU between them."""

    def __init__(self, graph: Graph, width: int = 16, lr: float = 1e-2, dropout: float = 0.2) -> None:
        super().__init__()
        self.lr = lr
        inputs, classes = graph.features.shape[1], int(graph.labels.max()) + 1
        self.first, self.second, self.last = (
            nn.Linear(a, b) for a, b in ((inputs, width), (width, width), (width, classes))
        )
        self.act1, self.act2 = nn.ReLU(), nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("features", graph.features, persistent=False)
        self.register_buffer("propagation", graph.propagation, persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        """Return logits of some nodes, (batch, classes)."""
        hidden = self.act1(self.propagation @ self.first(self.features))
        hidden = self.act2(self.propagation @ self.second(self.dropout(hidden)))
        return (self.propagation @ self.last(self.dropout(hidden)))[rows]

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the cross entropy."""
        return cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log the cross entropy."""
        self.log("val_loss", cross_entropy(self(batch[0]), batch[1]))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Log the cross entropy."""
        self.log("test_loss", cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam with weight decay."""
        return torch.optim.Adam(self.parameters(), lr=self.lr, weight_decay=5e-4)


def loaders(graph: Graph, steps: int) -> tuple[DataLoader[Any], ...]:
    """Return loaders of whole parts; an epoch is `steps` passes over the training nodes."""
    train, guide, compare = (TensorDataset(rows, graph.labels[rows]) for rows in graph.parts)
    again = TensorDataset(train.tensors[0].repeat(steps), train.tensors[1].repeat(steps))
    return (
        DataLoader(again, batch_size=len(train)),
        DataLoader(guide, batch_size=len(guide)),
        DataLoader(compare, batch_size=len(compare)),
    )


def search(graph: Graph, out: Path, *, short: bool) -> SearchResult:
    """Select the activations and compare them with ReLU on fresh seeds."""
    return autoact.run_search(
        partial(GraphNetwork, graph),
        loaders(graph, 5 if short else 30),
        space=["relu", "tanh"] if short else "graph",
        monitor="val_loss",
        budget=2 if short else 8,
        seeds=2 if short else 8,
        selection_seeds=1 if short else 2,
        trainer={"max_epochs": 2, "accelerator": "cpu"},
        out=out,
        quiet=True,
        task="graph network",
    )


def layout(graph: Graph) -> Tensor:
    """Return a place for every node, (N, 2): eigenvectors of the propagation keep friends together."""
    _, vectors = torch.linalg.eigh(graph.propagation.to_dense())
    return vectors[:, [-2, -3]]


def draw(graph: Graph, result: SearchResult, path: Path) -> None:
    """Draw the club with its factions and the nodes that were told, and what every fresh seed gave."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    at, told = layout(graph), set(graph.parts[0].tolist())
    for a, b in graph.edges.tolist():
        left.plot(at[[a, b], 0], at[[a, b], 1], color="lightgray", linewidth=0.6, zorder=0)
    edges = ["black" if node in told else "none" for node in range(len(at))]
    left.scatter(at[:, 0], at[:, 1], c=graph.labels, cmap="coolwarm", edgecolors=edges, s=60)
    left.set(title="two factions; black rim: told in training", xticks=[], yticks=[])
    draw_seeds(right, result)
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print and draw."""
    parser = terminal.parser(__doc__, short="two candidates, few seeds", out=terminal.RUNS)
    parser.add_argument(
        "--data-dir", type=Path, metavar="CORA", help="folder of cora.npz or cora.content, cora.cites"
    )
    options = parser.parse_args(arguments)
    try:
        graph = cora(options.data_dir) if options.data_dir else karate_club()
        options.out.mkdir(parents=True, exist_ok=True)
        result = search(graph, options.out / "graph", short=options.short)
    except AutoActError as error:
        sys.exit(str(error))
    print(result.summary())
    if not options.data_dir:
        draw(graph, result, options.out / "graph.png")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are tiny: threads that wait for each other cost more than they do
    main()
