"""Schedules of rates, and averages of weights, by Lightning and by hand."""

from typing import Any

import torch
from lightning.pytorch.callbacks import (
    BaseFinetuning,
    LearningRateMonitor,
    StochasticWeightAveraging,
)
from lightning.pytorch.callbacks.weight_averaging import EMAWeightAveraging
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tests.search.suite.basis import Learner, Regression, loaders, mlp, points
from tests.search.suite.registry import case

rows = loaders(points)
MANUAL = "optimizes manually"


@case("schedules", "net.1", data=rows)
class OneCycle(Regression):
    """OneCycleLR per step, as long as trainer.estimated_stepping_batches."""

    def configure_optimizers(self) -> Any:
        adam = torch.optim.AdamW(self.parameters(), lr=1e-2)
        steps = int(self.trainer.estimated_stepping_batches)
        cycle = lr_scheduler.OneCycleLR(adam, 1e-2, total_steps=steps)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}


@case("schedules", "net.1", data=rows, trainer={"max_epochs": 2})
class Plateau(Regression):
    """ReduceLROnPlateau of the validation loss."""

    def configure_optimizers(self) -> Any:
        adam = torch.optim.Adam(self.parameters(), lr=1e-2)
        plateau = lr_scheduler.ReduceLROnPlateau(adam, patience=0)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": plateau, "monitor": "val_loss"}}


@case("schedules", "net.1", data=rows, trainer={"max_epochs": 2, "callbacks": [LearningRateMonitor("step")]})
class WarmUp(Regression):
    """Warm-up and cosine in a SequentialLR; lr_scheduler_step overridden; the rate is monitored."""

    def configure_optimizers(self) -> Any:
        sgd = torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9, nesterov=True)
        parts = [lr_scheduler.LinearLR(sgd, 0.1, total_iters=2), lr_scheduler.CosineAnnealingLR(sgd, 4)]
        return [sgd], [{"scheduler": lr_scheduler.SequentialLR(sgd, parts, [2]), "interval": "step"}]

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        scheduler.step()


@case("schedules", "net.1", data=rows)
class WarmUpByHand(Regression):
    """optimizer_step sets the rate of every group before it steps."""

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, closure: Any = None) -> None:
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * min(1.0, (self.trainer.global_step + 1) / 3)
        optimizer.step(closure=closure)


@case("averages", "net.1", data=rows, trainer={"callbacks": [EMAWeightAveraging(decay=0.9)]})
class Averaged(Regression):
    """Lightning's EMAWeightAveraging."""


swa = {"max_epochs": 3, "callbacks": [StochasticWeightAveraging(swa_lrs=1e-2, swa_epoch_start=1)]}


@case("averages", "net.1", data=rows, trainer=swa)
class SWA(Regression):
    """Lightning's StochasticWeightAveraging."""


@case("averages", "net.1 ema.module.1", data=rows)
class EMA(Regression):
    """torch's AveragedModel by hand, which is validated."""

    def __init__(self) -> None:
        super().__init__()
        self.ema = AveragedModel(self.net, multi_avg_fn=get_ema_multi_avg_fn(0.9))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) if self.training else self.ema(x)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.ema.update_parameters(self.net)

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.net.parameters(), lr=1e-2)


@case("averages", "net.1", data=rows)
class Shadow(Regression):
    """A dictionary of averaged weights, put in for validation and taken out after it."""

    def on_fit_start(self) -> None:
        self.shadow = {name: p.detach().clone() for name, p in self.named_parameters()}

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        for name, p in self.named_parameters():
            self.shadow[name].lerp_(p.detach(), 0.5)

    def swap(self) -> None:
        for name, p in self.named_parameters():
            p.data, self.shadow[name] = self.shadow[name], p.data

    def on_validation_epoch_start(self) -> None:
        if hasattr(self, "shadow"):
            self.swap()

    def on_validation_epoch_end(self) -> None:
        if hasattr(self, "shadow"):
            self.swap()


class Unfreeze(BaseFinetuning):
    """Train the body from the second epoch on."""

    def freeze_before_training(self, pl_module: Any) -> None:
        self.freeze(pl_module.body)

    def finetune_function(self, pl_module: Any, epoch: int, optimizer: Any) -> None:
        if epoch == 1:
            self.unfreeze_and_add_param_group(pl_module.body, optimizer, lr=1e-3)


@case("fine-tuning", "body.1 head.1", data=rows, trainer={"max_epochs": 2, "callbacks": [Unfreeze()]})
class FineTuned(Learner):
    """A body that Lightning's BaseFinetuning freezes for an epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Linear(4, 8), nn.ReLU()), mlp(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))

    def loss(self, batch: Any) -> Tensor:
        return F.mse_loss(self(batch[0]), batch[1])

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=1e-2)
