"""Graphs, points and sets: message passing, attention, pooling, equivariance."""

from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from tests.search.suite.basis import Learner, loaders, mlp
from tests.search.suite.registry import case

Graph = dict[str, Tensor]
NODES = 12


def ring() -> Tensor:
    """Return the normalized adjacency of a ring with loops."""
    eye = torch.eye(NODES)
    return (eye + eye.roll(1, 0) + eye.roll(-1, 0)) / 3


def whole_graph() -> list[DataLoader[Any]]:
    """Return one graph of which each part knows other labels, as the only row of its loader."""
    x = torch.randn(NODES, 4, generator=Generator().manual_seed(0))
    y = (ring() @ x)[:, :2].argmax(1)
    part = torch.arange(NODES) % 4
    rows = [
        {"x": x, "y": y, "known": part > 1},
        {"x": x, "y": y, "known": part == 1},
        {"x": x, "y": y, "known": part == 0},
    ]
    return [DataLoader([row], batch_size=None) for row in rows]


class OnNodes(Learner):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("adjacency", ring())

    def loss(self, batch: Graph) -> Tensor:
        return F.cross_entropy(self(batch["x"])[batch["known"]], batch["y"][batch["known"]])


@case("graph convolution", "relu_1", data=whole_graph, trainer={"max_epochs": 3})
class GCN(OnNodes):
    """Two graph convolutions on one graph; masks say which labels are known."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.dropout(F.relu(self.adjacency @ self.first(x)), 0.1, self.training)
        return self.adjacency @ self.second(hidden)


@case("graph attention", "elu_1", data=whole_graph, trainer={"max_epochs": 3})
class GAT(OnNodes):
    """Attention between neighbors; the leaky ReLU of its scores stays, ELU is searched."""

    def __init__(self) -> None:
        super().__init__()
        self.values, self.score, self.last = nn.Linear(4, 8), nn.Linear(16, 1), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.values(x)
        pairs = torch.cat([h[:, None].expand(-1, NODES, -1), h[None].expand(NODES, -1, -1)], -1)
        scores = F.leaky_relu(self.score(pairs)[..., 0], 0.2).masked_fill(self.adjacency == 0, -1e9)
        return self.last(F.elu(scores.softmax(1) @ h))


def collated(graphs: list[Graph]) -> Graph:
    """Return several graphs as one, with the number of each node's graph."""
    sizes = torch.tensor([len(graph["x"]) for graph in graphs])
    starts = sizes.cumsum(0) - sizes
    return {
        "x": torch.cat([graph["x"] for graph in graphs]),
        "edges": torch.cat([graph["edges"] + start for graph, start in zip(graphs, starts, strict=True)], 1),
        "graph": torch.arange(len(graphs)).repeat_interleave(sizes),
        "y": torch.stack([graph["y"] for graph in graphs]),
    }


def graphs() -> list[DataLoader[Any]]:
    """Return loaders of graphs of several sizes."""

    def made(rows: int, seed: int) -> DataLoader[Any]:
        random = Generator().manual_seed(seed)
        found = []
        for index in range(rows):
            nodes = 3 + index % 4
            x = torch.randn(nodes, 3, generator=random)
            edges = torch.randint(nodes, (2, 2 * nodes), generator=random)
            found.append({"x": x, "edges": edges, "y": x.sum(0)[:1].sin()})
        return DataLoader(found, batch_size=16, shuffle=seed == 0, collate_fn=collated)

    return [made(48, 0), made(16, 1), made(16, 2)]


@case("graph pooling", "message.1 relu_1 readout.1", data=graphs)
class MessagePassing(Learner):
    """Messages along edges, added by index_add, and a mean per graph."""

    def __init__(self) -> None:
        super().__init__()
        self.message, self.update, self.readout = mlp(6, 8, 8), nn.Linear(11, 8), mlp(8, 8, 1, act=nn.SiLU)

    def forward(self, batch: Graph) -> Tensor:
        x, (source, target), graph = batch["x"], batch["edges"], batch["graph"]
        messages = self.message(torch.cat([x[source], x[target]], 1))
        received = x.new_zeros(len(x), 8).index_add(0, target, messages)
        nodes = F.relu(self.update(torch.cat([x, received], 1)))
        count = torch.bincount(graph, minlength=len(batch["y"])).clamp(min=1)[:, None]
        return self.readout(nodes.new_zeros(len(batch["y"]), 8).index_add(0, graph, nodes) / count)

    def loss(self, batch: Graph) -> Tensor:
        return F.mse_loss(self(batch), batch["y"])


@case("graph isomorphism", "layers.0.1 layers.1.1", data=graphs)
class GIN(MessagePassing):
    """Layers with a learned share of the node itself; the sums of all layers are read out."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.layers = nn.ModuleList([mlp(3, 8, 8), mlp(8, 8, 8)])
        self.share = nn.Parameter(torch.zeros(2))
        self.head = nn.Linear(16, 1)

    def forward(self, batch: Graph) -> Tensor:
        x, (source, target) = batch["x"], batch["edges"]
        seen = []
        for share, layer in zip(self.share, self.layers, strict=True):
            x = layer((1 + share) * x + torch.zeros_like(x).index_add(0, target, x[source]))
            seen.append(x.new_zeros(len(batch["y"]), 8).index_add(0, batch["graph"], x))
        return self.head(torch.cat(seen, 1))


LOSS = "Nothing to convert in Links"


@case("link prediction", "", data=whole_graph, callback=LOSS, search=LOSS)
class Links(OnNodes):
    """Edges against random pairs; its only ReLU stands in the loss, where a rule has to name it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 4)

    def loss(self, batch: Graph) -> Tensor:
        z = self.second(self.adjacency @ self.first(batch["x"]).relu())
        source, target = self.adjacency.nonzero(as_tuple=True)
        wrong = torch.randint(NODES, target.shape)
        right, other = (z[source] * z[target]).sum(1), (z[source] * z[wrong]).sum(1)
        return F.softplus(-right).mean() + F.softplus(other).mean()


def clouds(rows: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return clouds of 10 points, flat or not, and which."""
    x = torch.randn(rows, 10, 3, generator=generator)
    y = torch.arange(rows) % 2
    x[y == 1, :, 2] *= 0.1
    return x, y


@case("point cloud", "align.1 each.2 each.5 head.1", data=loaders(clouds))
class PointNet(Learner):
    """Points one by one, an alignment, and the largest value of each feature."""

    def __init__(self) -> None:
        super().__init__()
        self.align = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 9))
        self.each = nn.Sequential(
            nn.Conv1d(3, 8, 1), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 8, 1), nn.BatchNorm1d(8), nn.ReLU()
        )
        self.head = mlp(8, 8, 2)

    def forward(self, x: Tensor) -> Tensor:
        turn = self.align(x).max(1).values.view(-1, 3, 3) + torch.eye(3)
        return self.head(self.each((x @ turn).mT).max(2).values)

    def loss(self, batch: Any) -> Tensor:
        return F.cross_entropy(self(batch[0]), batch[1])


@case("sets", "each.1 all.1", data=loaders(clouds))
class DeepSets(PointNet):
    """A sum over points between two networks."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.each, self.all = mlp(3, 8, 8, act=nn.Mish), mlp(8, 8, 2, act=nn.ELU)

    def forward(self, x: Tensor) -> Tensor:
        return self.all(self.each(x).sum(1))


@case("equivariance", "edge.1 edge.3 move.1", data=loaders(clouds))
class Equivariant(Learner):
    """Points moved along their differences; the loss asks where they are after a turn."""

    def __init__(self) -> None:
        super().__init__()
        self.edge = nn.Sequential(nn.Linear(1, 8), nn.SiLU(), nn.Linear(8, 8), nn.SiLU())
        self.move = mlp(8, 8, 1, act=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        between = x[:, :, None] - x[:, None]
        weight = self.move(self.edge(between.square().sum(-1, keepdim=True)))
        return x + (between * weight).mean(2)

    def loss(self, batch: Any) -> Tensor:
        x = batch[0]
        turn = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        assert torch.allclose(self(x @ turn), self(x) @ turn, atol=1e-3)
        return F.mse_loss(self(x), x * 0.9)
