"""Modules and data as Lightning users write them, one habit each."""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


def tensors(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    x = torch.randn(rows, 2, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, :1] * x[:, 1:]).sin()


def loader(rows: int, seed: int = 0, **settings: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*tensors(rows, seed)), batch_size=16, **settings)


def missing(rows: int, seed: int = 0, **settings: Any) -> DataLoader[Any]:
    """Return a loader in which every third target is missing."""
    x, y = tensors(rows, seed)
    y[::3] = float("nan")
    return DataLoader(TensorDataset(x, y), batch_size=16, **settings)


def loaders() -> tuple[DataLoader[Any], DataLoader[Any], DataLoader[Any]]:
    return loader(64, shuffle=True), loader(16, seed=1), loader(16, seed=2)


def layers() -> Any:
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))


class Plain(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = layers()

    def step(self, batch: Any) -> Tensor:
        return F.mse_loss(self.net(batch[0]), batch[1])

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.step(batch)

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("val_loss", self.step(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class Logging(Plain):
    """Uses its logger in every way."""

    def note(self) -> None:
        logger: Any = self.logger
        logger.experiment.add_scalar("x", 1.0, self.global_step)
        logger.log_metrics({"a": 1.0}, self.global_step)
        logger.log_image("picture", [])  # of another logger
        assert isinstance(logger.log_dir, str)
        assert [each.name for each in self.loggers]

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.note()
        return self.step(batch)

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.note()
        super().validation_step(batch, batch_idx)


class InPlace(Plain):
    """Changes the result of an activation in place."""

    def __init__(self) -> None:
        L.LightningModule.__init__(self)
        self.first, self.act, self.last = nn.Linear(2, 8), nn.GELU(), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.act(self.first(x))
        hidden += 1
        return self.last(hidden)

    def step(self, batch: Any) -> Tensor:
        return F.mse_loss(self(batch[0]), batch[1])


class LaterLayers(Plain):
    """Makes its layers in setup, whatever the stage, from what Trainer and data say."""

    def __init__(self) -> None:
        L.LightningModule.__init__(self)

    def setup(self, stage: str) -> None:
        assert self.trainer.max_epochs == 2
        self.net = layers()


class CompiledInSetup(Plain):
    def setup(self, stage: str) -> None:
        self.net = torch.compile(self.net, backend="eager")


class CompiledInConfigureModel(Plain):
    def configure_model(self) -> None:
        self.net = torch.compile(self.net, backend="eager")


class CompiledInFitStart(Plain):
    def on_fit_start(self) -> None:
        self.net = torch.compile(self.net, backend="eager")


class Physics(Plain):
    """Has a second derivative in its loss."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        curved = torch.func.vmap(torch.func.hessian(lambda x: self.net(x).sum()))(batch[0])
        slope = torch.func.jvp(self.net, (batch[0],), (torch.ones_like(batch[0]),))[1]
        return self.step(batch) + 0.01 * (curved.square().mean() + slope.square().mean())


class Sorted(Plain):
    """Sorts parameters by name and by the type of their module, and insists that none is left."""

    def configure_optimizers(self) -> Any:
        decay: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for module in self.modules():
            for name, parameter in module.named_parameters(recurse=False):
                assert isinstance(module, nn.Linear), f"what is a {type(module).__name__}?"
                (decay if name == "weight" else rest).append(parameter)
        assert len(decay) + len(rest) == len(list(self.parameters()))
        groups = [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=1e-2)


class LayerWise(Plain):
    """Gives each layer a group and a learning rate of its own."""

    def configure_optimizers(self) -> Any:
        groups = [
            {"params": list(layer.parameters()), "lr": 0.01 * 0.9**depth}
            for depth, layer in enumerate(self.net)
            if list(layer.parameters())
        ]
        assert len(groups) == 2
        optimizer = torch.optim.Adam(groups)
        return [optimizer], [torch.optim.lr_scheduler.LambdaLR(optimizer, [lambda e: 0.9**e] * 2)]


class Manual(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        optimizer: Any = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(self.step(batch))
        optimizer.step()


class Adversarial(Manual):
    """Two networks, two optimizers, losses that pull in opposite directions; steps, then clears."""

    def __init__(self) -> None:
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 1))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        optimizers: Any = self.optimizers()
        makes, judges = optimizers
        for optimizer, sign in ((makes, 1.0), (judges, -1.0)):
            self.toggle_optimizer(optimizer)
            score = self.critic(self.net(batch[0])).mean()
            self.manual_backward(self.step(batch) + 0.1 * sign * score)
            optimizer.step()
            optimizer.zero_grad()
            self.untoggle_optimizer(optimizer)

    def configure_optimizers(self) -> Any:
        return [torch.optim.Adam(part.parameters(), lr=1e-2) for part in (self.net, self.critic)], []


class LineSearch(Plain):
    """Trains with an optimizer that evaluates the loss several times per step."""

    def configure_optimizers(self) -> Any:
        return torch.optim.LBFGS(self.parameters(), lr=0.1, max_iter=2)


class Masked(Plain):
    """Leaves out targets that are missing."""

    def step(self, batch: Any) -> Tensor:
        known = ~batch[1].isnan()
        return (self.net(batch[0]) - batch[1])[known].square().mean()


class OnlyReLU(Plain):
    """Looks at its own activation."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        assert isinstance(self.net[1], nn.ReLU), "no ReLU"
        return self.step(batch)


class TrainerInSetup(L.LightningDataModule):
    """Asks the Trainer how many processes there are."""

    def setup(self, stage: str) -> None:
        assert self.trainer is not None
        self.rows = 64 // self.trainer.world_size

    def train_dataloader(self) -> Any:
        return loader(self.rows, shuffle=True)

    def val_dataloader(self) -> Any:
        return loader(16, seed=1)

    def test_dataloader(self) -> Any:
        return loader(16, seed=2)


class TwoValidations(TrainerInSetup):
    def val_dataloader(self) -> Any:
        return [loader(16, seed=1), loader(16, seed=3)]


class TwoTests(TrainerInSetup):
    def test_dataloader(self) -> Any:
        return {"near": loader(16, seed=2), "far": loader(16, seed=3)}
