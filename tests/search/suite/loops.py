"""Training loops: optimizers, schedules, clipping, precision, averages, hooks that are overridden."""

import math
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import (
    EarlyStopping,
    GradientAccumulationScheduler,
    ModelCheckpoint,
)
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from tests.search.suite.basis import Learner, Regression, loaders, mlp, points
from tests.search.suite.registry import case

rows = loaders(points)
MANUAL = "optimizes manually"


@case("gradient accumulation", "net.1", data=rows, trainer={"accumulate_grad_batches": 2})
class Accumulated(Regression):
    """Two batches for each step of the optimizer."""


@case("gradient accumulation", "net.1", data=rows, no_mixture=MANUAL)
class AccumulatedByHand(Regression):
    """Accumulation by hand, with the rest of an epoch and clipping."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizer = self.optimizers()
        self.manual_backward(self.loss(batch) / 2)
        if batch_idx % 2 or self.trainer.is_last_batch:
            self.clip_gradients(optimizer, gradient_clip_val=0.5, gradient_clip_algorithm="norm")
            optimizer.step()
            optimizer.zero_grad()

    def on_train_epoch_end(self) -> None:
        self.lr_schedulers().step()

    def configure_optimizers(self) -> Any:
        adam = torch.optim.Adam(self.parameters(), lr=1e-2)
        return {"optimizer": adam, "lr_scheduler": lr_scheduler.StepLR(adam, 1)}


clipped = {"gradient_clip_val": 0.1, "gradient_clip_algorithm": "value", "detect_anomaly": True}


@case("gradient clipping", "net.1", data=rows, trainer=clipped)
class Clipped(Regression):
    """Clipping by value under detect_anomaly."""


@case("gradient clipping", "net.1", data=rows)
class OwnClipping(Regression):
    """configure_gradient_clipping and on_before_optimizer_step, which logs norms."""

    def configure_gradient_clipping(self, optimizer: Any, *settings: Any, **named: Any) -> None:
        if self.global_step > 0:
            self.clip_gradients(optimizer, gradient_clip_val=1.0, gradient_clip_algorithm="norm")

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        self.log_dict({name: p.grad.norm() for name, p in self.named_parameters() if p.grad is not None})


@case("mixed precision", "net.1", data=rows, trainer={"precision": "bf16-mixed"})
class Mixed(Regression):
    """bf16-mixed: activations are bfloat16, weights are not."""


@case("mixed precision", "net.1", data=rows, trainer={"precision": "bf16-true"})
class Half(Regression):
    """bf16-true: weights are bfloat16, too."""


@case("sharpness-aware minimization", "net.1", data=rows, no_mixture=MANUAL)
class SAM(Regression):
    """Two passes for each step: at the weights, and where they are moved uphill."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(self.loss(batch))
        moved = [(p, 0.05 * p.grad / (p.grad.norm() + 1e-9)) for p in self.parameters() if p.grad is not None]
        with torch.no_grad():
            for p, step in moved:
                p.add_(step)
        optimizer.zero_grad()
        self.manual_backward(self.loss(batch))
        with torch.no_grad():
            for p, step in moved:
                p.sub_(step)
        optimizer.step()


@case("sharpness-aware minimization", "net.1", data=rows)
class SAMClosure(Regression):
    """An optimizer that calls its closure twice: at the weights, and uphill of them."""

    class Twice(torch.optim.SGD):
        @torch.no_grad()
        def step(self, closure: Any = None) -> Any:
            with torch.enable_grad():
                loss = closure()
            every = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
            steps = [0.05 * p.grad / (p.grad.norm() + 1e-9) for p in every]
            torch._foreach_add_(every, steps)
            with torch.enable_grad():
                closure()
            torch._foreach_sub_(every, steps)
            super().step()
            return loss

    def configure_optimizers(self) -> Any:
        return self.Twice(self.parameters(), lr=0.1)


@case("layer-wise rates", "net.1 net.3", data=rows)
class LayerWise(Regression):
    """A group and a rate for every layer; no decay of biases; insists that no parameter is left."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.net = mlp(4, 8, 8, 1)

    def configure_optimizers(self) -> Any:
        groups, seen = [], set()
        for depth, layer in enumerate(self.net):
            for name, parameter in layer.named_parameters():
                assert isinstance(layer, nn.Linear), f"what is a {type(layer).__name__}?"
                decay = 0.1 if name == "weight" else 0.0
                groups.append({"params": [parameter], "lr": 1e-2 * 0.8 ** (4 - depth), "weight_decay": decay})
                seen.add(parameter)
        assert seen == set(self.parameters())
        return torch.optim.AdamW(groups)


@case("several optimizers", "left.1 right.1", data=rows, no_mixture=MANUAL)
class Alternating(Learner):
    """Two networks that take turns by epoch, each with its optimizer and its schedule."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.left, self.right = mlp(4, 8, 1), mlp(4, 8, 1, act=nn.SiLU)

    def loss(self, batch: Any) -> Tensor:
        return F.mse_loss(self.left(batch[0]) + self.right(batch[0]), batch[1])

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizer = self.optimizers()[batch_idx % 2]
        self.manual_backward(self.loss(batch))
        optimizer.step()
        optimizer.zero_grad()
        if self.trainer.is_last_batch:
            for schedule in self.lr_schedulers():
                schedule.step()

    def configure_optimizers(self) -> Any:
        found = [torch.optim.Adam(self.left.parameters()), torch.optim.SGD(self.right.parameters(), 1e-2)]
        return found, [lr_scheduler.ExponentialLR(each, 0.9) for each in found]


@case("own optimizer", "net.1", data=rows)
class Lion(Regression):
    """An optimizer class of one's own, steps by sign, with a schedule by a lambda per group."""

    class Signs(torch.optim.Optimizer):
        def __init__(self, parameters: Any, lr: float) -> None:
            super().__init__(parameters, {"lr": lr})

        @torch.no_grad()
        def step(self, closure: Any = None) -> Any:
            with torch.enable_grad():
                loss = None if closure is None else closure()
            for group in self.param_groups:
                for p in group["params"]:
                    moment = self.state[p].setdefault("moment", torch.zeros_like(p))
                    p.sub_(torch.sign(moment.lerp(p.grad, 0.1)), alpha=group["lr"])
                    moment.lerp_(p.grad, 0.01)
            return loss

    def configure_optimizers(self) -> Any:
        signs = self.Signs([{"params": [p]} for p in self.parameters()], lr=1e-3)
        rates = [lambda epoch, i=i: 0.9 ** (epoch + i) for i in range(len(signs.param_groups))]
        return [signs], [lr_scheduler.LambdaLR(signs, rates)]


@case("overridden hooks", "net.1", data=rows)
class Overridden(Regression):
    """backward and optimizer_zero_grad of one's own, noise on gradients, steps left out."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return None if batch_idx == 1 else self.loss(batch)

    def backward(self, loss: Tensor, *given: Any, **named: Any) -> None:
        loss.backward(retain_graph=True)

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Any) -> None:
        optimizer.zero_grad(set_to_none=False)

    def on_after_backward(self) -> None:
        for p in self.parameters():
            if p.grad is not None:
                p.grad.add_(torch.randn_like(p.grad), alpha=1e-3)


@case("curriculum", "net.1", data=rows, trainer={"max_epochs": 2, "reload_dataloaders_every_n_epochs": 1})
class Curriculum(Regression):
    """Easy rows first, by epoch; their share is logged."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        easy = y[:, 0].abs() < 0.5 + self.current_epoch
        self.log("easy", easy.float().mean(), on_step=False, on_epoch=True)
        return F.mse_loss(self(x), y, reduction="none")[easy].sum() / easy.sum().clamp(min=1)


@case("callbacks of the module", "net.1", data=rows, trainer={"max_epochs": 3})
class OwnCallbacks(Regression):
    """configure_callbacks returns EarlyStopping, ModelCheckpoint and a schedule of accumulation."""

    def configure_callbacks(self) -> Any:
        return [
            EarlyStopping("val_loss", patience=2),
            ModelCheckpoint(monitor="val_loss", save_top_k=1),
            GradientAccumulationScheduler({0: 1, 2: 2}),
        ]


@case("the Trainer", "net.1", data=rows)
class AskingTrainer(Regression):
    """Steps that ask the Trainer for its length, its loaders and its callbacks; setup asks, too."""

    def setup(self, stage: str) -> None:
        self.length = self.trainer.max_epochs
        assert self.trainer.datamodule is None

    def on_train_start(self) -> None:
        total = self.trainer.num_training_batches * self.length
        assert math.isfinite(total)
        assert len(self.trainer.train_dataloader) == self.trainer.num_training_batches
        self.optimizers().param_groups[0]["lr"] = 0.03 / total

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        assert isinstance(self.trainer, L.Trainer)
        self.log("progress", self.trainer.global_step / self.trainer.estimated_stepping_batches)
        return self.loss(batch)
