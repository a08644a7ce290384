"""Ways of learning: self-supervised, metric, several tasks, distillation, adapters, experts, rewards."""

import copy
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from tests.search.suite.basis import Learner, classes, images, loaders, mlp, points
from tests.search.suite.registry import case

pictures, rows, labelled = loaders(images), loaders(points), loaders(classes)


def view(x: Tensor) -> Tensor:
    return x + 0.2 * torch.randn_like(x)


@case("self-supervised", "backbone.1 head.1", data=pictures)
class SimCLR(Learner):
    """Two noisy views of each image, told from all others."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = mlp(64, 8, 8), mlp(8, 8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.backbone(x.flatten(1))

    def loss(self, batch: Any) -> Tensor:
        x, _ = batch
        z = F.normalize(self.head(self(torch.cat([view(x), view(x)]))), dim=1)
        scores = (z @ z.T / 0.5).fill_diagonal_(-1e9)
        return F.cross_entropy(scores, torch.arange(len(z)).roll(len(x)))


@case("self-supervised", "online.1 predictor.1 target.1", data=pictures)
class BYOL(Learner):
    """A target network that follows the online one, and no negatives."""

    def __init__(self) -> None:
        super().__init__()
        self.online, self.predictor = mlp(64, 8, 4), mlp(4, 8, 4)
        self.target = copy.deepcopy(self.online)
        for parameter in self.target.parameters():
            parameter.requires_grad = False

    def forward(self, x: Tensor) -> Tensor:
        return self.predictor(self.online(x.flatten(1)))

    def loss(self, batch: Any) -> Tensor:
        x, _ = batch
        with torch.no_grad():
            wanted = self.target(view(x).flatten(1))
        return 2 - 2 * F.cosine_similarity(self(view(x)), wanted).mean()

    @torch.no_grad()
    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        for target, online in zip(self.target.parameters(), self.online.parameters(), strict=True):
            target.data = 0.9 * target.data + 0.1 * online.data


@case("self-supervised", "encoder.1 decoder.1", data=pictures)
class MAE(Learner):
    """Half of the patches are hidden, and painted in from the others."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = mlp(4, 8, 8, act=nn.GELU), mlp(8, 8, 4, act=nn.GELU)
        self.hidden, self.place = nn.Parameter(torch.zeros(8)), nn.Parameter(torch.randn(16, 8) * 0.1)

    def forward(self, patches: Tensor, order: Tensor) -> Tensor:
        seen = self.encoder(patches[:, order[:8]])
        every = self.hidden.expand(len(patches), 16, 8).clone()
        every[:, order[:8]] = seen
        return self.decoder(every + self.place + every.mean(1, keepdim=True))

    def loss(self, batch: Any) -> Tensor:
        patches = F.unfold(batch[0], 2, stride=2).mT
        order = torch.randperm(16)
        return F.mse_loss(self(patches, order)[:, order[8:]], patches[:, order[8:]])


def threes(count: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return anchors, positives and negatives."""
    x = torch.randn(3, count, 4, generator=generator)
    x[:2, :, 0], x[2, :, 0] = 1, -1
    return tuple(x)


@case("metric learning", "embed.1", data=loaders(threes))
class Triplets(Learner):
    """Triplet loss of normalized embeddings; one network for all three."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.rule = mlp(4, 8, 3, act=nn.CELU), nn.TripletMarginLoss(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.embed(x), dim=-1)

    def loss(self, batch: Any) -> Tensor:
        return self.rule(*(self(part) for part in batch))


@case("metric learning", "relu_1", data=loaders(threes))
class Siamese(Learner):
    """No forward: the loss calls embed for pairs; the ReLU of its margin stays."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 3)

    def embed(self, x: Tensor) -> Tensor:
        return self.second(F.relu(self.first(x)))

    def loss(self, batch: Any) -> Tensor:
        one, other, far = (self.embed(part) for part in batch)
        return (one - other).square().sum(1).mean() + F.relu(1 - (one - far).norm(dim=1)).mean()


def several(count: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return features, two numbers, and which of them are known."""
    x, y = points(count, generator)
    known = torch.rand(count, 2, generator=generator) > 0.3
    known[0] = True
    return x, torch.cat([y, x[:, 3:].relu()], 1) * known, known


@case("several tasks", "shared.1 heads.near.1 heads.far.1", data=loaders(several))
class MultiTask(Learner):
    """Labels that are missing by a mask, and a learned weight of each task's loss."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.heads = nn.ModuleDict({"near": mlp(8, 4, 1), "far": mlp(8, 4, 1)})
        self.deviation = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        h = self.shared(x)
        return torch.cat([head(h) for head in self.heads.values()], 1)

    def loss(self, batch: Any) -> Tensor:
        x, y, known = batch
        wrong = F.mse_loss(self(x), y, reduction="none") * known
        each = wrong.sum(0) / known.sum(0).clamp(min=1)
        self.log_dict({"near": each[0], "far": each[1]}, on_epoch=True)
        return (each * torch.exp(-self.deviation) + self.deviation).sum()


@case("distillation", "student.1", data=labelled)
class Distilled(Learner):
    """A frozen teacher in evaluation mode, which stays as it is; softened scores, label smoothing."""

    def __init__(self) -> None:
        super().__init__()
        self.student, self.teacher = mlp(4, 6, 3), mlp(4, 16, 16, 3).eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.student(x)

    def on_train_epoch_start(self) -> None:
        self.teacher.eval()

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        scores, wanted = self(x), self.teacher(x)
        soft = F.kl_div((scores / 2).log_softmax(1), (wanted / 2).softmax(1), reduction="batchmean")
        return soft * 4 + F.cross_entropy(scores, y, label_smoothing=0.1)

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(filter(lambda p: p.requires_grad, self.parameters()), lr=1e-2)


class LowRank(nn.Module):
    def __init__(self, linear: nn.Linear, rank: int = 2) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, linear.in_features) * 0.1)
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + x @ self.down.T @ self.up.T


@case("low-rank adapters", "net.1", data=labelled)
class LoRA(Learner):
    """Frozen linear layers with trained low-rank terms; checkpoints hold those only."""

    strict_loading = False

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(4, 16, 3, act=nn.GELU)
        for name, layer in self.net.named_children():
            if isinstance(layer, nn.Linear):
                setattr(self.net, name, LowRank(layer))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def loss(self, batch: Any) -> Tensor:
        return F.cross_entropy(self(batch[0]), batch[1])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {key: value for key, value in state.items() if "linear" not in key}

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW([p for p in self.parameters() if p.requires_grad], lr=1e-2)


@case("hypernetwork", "maker.1 relu_1", data=rows)
class Hyper(Learner):
    """A network whose weights another one makes of the first feature."""

    def __init__(self) -> None:
        super().__init__()
        self.maker = mlp(1, 8, 4 * 6 + 6, act=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        made = self.maker(x[:, :1])
        weight, last = made[:, :24].view(-1, 6, 4), made[:, 24:]
        hidden = F.relu(torch.einsum("noi,ni->no", weight, x))
        return (hidden * last).sum(1, keepdim=True)

    def loss(self, batch: Any) -> Tensor:
        return F.mse_loss(self(batch[0]), batch[1])


@case("mixture of experts", "experts.0.1 experts.1.1 experts.2.1", data=rows)
class Experts(Learner):
    """The best two of three experts for each row, with a term that spreads the load."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(4, 3)
        self.experts = nn.ModuleList(mlp(4, 8, 1, act=nn.GELU) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        share = self.router(x).softmax(1)
        best, which = share.topk(2, 1)
        found = x.new_zeros(len(x), 1)
        for number, expert in enumerate(self.experts):
            row, place = (which == number).nonzero(as_tuple=True)
            if len(row):
                found = found.index_add(0, row, best[row, place, None] * expert(x[row]))
        return found, share.mean(0).square().sum()

    def loss(self, batch: Any) -> Tensor:
        found, load = self(batch[0])
        return F.mse_loss(found, batch[1]) + 0.01 * load


@case("adversarial training", "net.1", data=labelled)
class FGSM(Learner):
    """Inputs moved along the sign of their gradient before each step; mixup beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(4, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        place = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(F.cross_entropy(self(place), y), place)
        order, share = torch.randperm(len(x)), 0.8
        scores = self(share * x + (1 - share) * x[order])
        mixed = share * F.cross_entropy(scores, y) + (1 - share) * F.cross_entropy(scores, y[order])
        return F.cross_entropy(self(x + 0.1 * slope.sign()), y) + mixed

    def loss(self, batch: Any) -> Tensor:
        return F.cross_entropy(self(batch[0]), batch[1])
