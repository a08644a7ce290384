"""Bare loop of torch: the least that training a LightningModule on rows in memory can cost."""

from types import SimpleNamespace
from typing import Any, cast

import torch
from torch.utils.data import DataLoader

from scripts.benchmarks.price._cases import Case


def train_bare(case: Case, seed: int = 0) -> float:
    """Train the model of a case with its optimizer, batches and validations, and nothing else.

    Args:
        case: The case.
        seed: Of its weights and of the order of its rows.

    Returns:
        The loss of its last batch.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _train(case)


def _train(case: Case) -> float:
    module, settings = case.model(), case.trainer
    training, validation = case.loaders()
    rows, seen, batch = _tensors(training), _tensors(validation), _batch_size(training)
    epochs, total = settings["max_epochs"], len(rows[0])
    trainer = SimpleNamespace(estimated_stepping_batches=epochs * -(-total // batch))
    module.__dict__.update(_trainer=trainer, log=_nothing, log_dict=_nothing)
    optimizer, schedule = _optimizer(module)
    loss = torch.tensor(0.0)
    for epoch in range(epochs):
        for places in torch.randperm(total).split(batch):
            optimizer.zero_grad()
            loss = cast(torch.Tensor, module.training_step([tensor[places] for tensor in rows], 0))
            loss.backward()
            if "gradient_clip_val" in settings:
                torch.nn.utils.clip_grad_norm_(module.parameters(), settings["gradient_clip_val"])
            optimizer.step()
            if schedule is not None:
                schedule.step()
        if (epoch + 1) % settings.get("check_val_every_n_epoch", 1) == 0:
            module.eval()
            with torch.no_grad():
                module.validation_step(seen, 0)
            module.train()
    return float(loss.detach())


def _optimizer(module: Any) -> tuple[torch.optim.Optimizer, Any]:
    made = module.configure_optimizers()
    return (made["optimizer"], made["lr_scheduler"]["scheduler"]) if isinstance(made, dict) else (made, None)


def _tensors(loader: DataLoader[Any]) -> list[torch.Tensor]:
    return list(loader.dataset.tensors)  # type: ignore[attr-defined]  # of a TensorDataset


def _batch_size(loader: DataLoader[Any]) -> int:
    return int(loader.batch_size or loader.sampler.batch_size)  # type: ignore[attr-defined]  # a BatchSampler


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Log nothing."""
