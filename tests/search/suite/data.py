"""Data: modules and loaders of any make, batches of any form."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.utilities import CombinedLoader
from torch import Generator, Tensor
from torch.nn import functional as F
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)

from tests.search.suite.basis import Regression, loader, loaders, points
from tests.search.suite.registry import case


class Loaders(L.LightningDataModule):
    def train_dataloader(self) -> Any:
        return loader(points)

    def val_dataloader(self) -> Any:
        return loader(points, 16, 1)

    def test_dataloader(self) -> Any:
        return loader(points, 16, 2)


@case("data module", "net.1", model=Regression)
class Staged(L.LightningDataModule):
    """prepare_data, setup by stage, random_split, saved hyperparameters, no test data."""

    def __init__(self, rows: int = 64, batch_size: int = 16) -> None:
        super().__init__()
        self.save_hyperparameters()

    def prepare_data(self) -> None:
        assert self.hparams["rows"] == 64

    def setup(self, stage: str) -> None:
        if stage == "fit":
            every = TensorDataset(*points(self.hparams["rows"], Generator().manual_seed(0)))
            self.train, self.val = random_split(every, [48, 16], Generator().manual_seed(1))

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, self.hparams["batch_size"], shuffle=True, drop_last=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.val, self.hparams["batch_size"])


@case("data module", "net.1", model=Regression)
class Transferred(Loaders):
    """Batches as dictionaries, changed before and after their transfer; asks for the Trainer in setup."""

    def setup(self, stage: str) -> None:
        assert self.trainer.world_size == 1

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return {"x": batch[0], "y": batch[1]}

    def transfer_batch_to_device(self, batch: Any, device: Any, dataloader_idx: int) -> Any:
        return {key: value.to(device) for key, value in batch.items()}

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return batch["x"] + 0.01 * torch.randn_like(batch["x"]) * self.trainer.training, batch["y"]


class Unlabelled(Regression):
    """Learn of labelled and unlabelled rows at once."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, _ = batch["unlabelled"]
        return self.loss(batch["labelled"]) + F.mse_loss(self(x), self(x + 0.01 * torch.randn_like(x)))


@case("combined loader", "net.1", model=Unlabelled)
class Combined(Loaders):
    """CombinedLoader over labelled and unlabelled rows, the shorter one repeated."""

    def train_dataloader(self) -> Any:
        return CombinedLoader(
            {"labelled": loader(points, 16), "unlabelled": loader(points, 48, 3)}, "max_size_cycle"
        )


@case("combined loader", "net.1", model=Unlabelled)
class DictOfLoaders(Loaders):
    """A plain dictionary of training loaders."""

    def train_dataloader(self) -> Any:
        return {"labelled": loader(points), "unlabelled": loader(points, 48, 3)}


class SeveralLoaders(Regression):
    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.log("val_loss", self.loss(batch))


@case("several validation loaders", "net.1", model=SeveralLoaders, monitor="val_loss/dataloader_idx_1")
class TwoValidations(Loaders):
    """Two validation loaders, one test loader."""

    def val_dataloader(self) -> Any:
        return [loader(points, 16, 1), loader(points, 16, 3)]


@case("several validation loaders", "net.1", model=SeveralLoaders, monitor="val_loss/dataloader_idx_0")
class NamedTests(Loaders):
    """A combined validation loader and a dictionary of test loaders."""

    def val_dataloader(self) -> Any:
        return CombinedLoader([loader(points, 16, 1), loader(points, 16, 3)], "sequential")

    def test_dataloader(self) -> Any:
        return {"near": loader(points, 16, 2), "far": loader(points, 16, 4)}


class Stream(IterableDataset[Any]):
    def __init__(self, rows: int, seed: int) -> None:
        self.rows, self.seed = rows, seed

    def __iter__(self) -> Iterator[Any]:
        yield from zip(*points(self.rows, Generator().manual_seed(self.seed)), strict=True)


UNKNOWN = "the length of a training is unknown"


@case(
    "iterable data set",
    "net.1",
    model=Regression,
    callback="The length of this training is unknown",
    no_mixture=UNKNOWN,
)
class Streamed(Loaders):
    """Training data without a length, max_epochs alone."""

    def train_dataloader(self) -> Any:
        return DataLoader(Stream(48, 0), batch_size=16)


@case("iterable data set", "net.1", model=Regression, trainer={"max_steps": 3})
class StreamedSteps(Streamed):
    """Training and validation data without a length, max_steps given, test data."""

    def val_dataloader(self) -> Any:
        return DataLoader(Stream(16, 1), batch_size=16)


@case(
    "iterable data set",
    "net.1",
    model=Regression,
    trainer={"max_steps": 3},
    search="The validation data are an iterable dataset, which cannot be halved.",
)
class StreamedAlone(L.LightningDataModule):
    """Validation data without a length, and no test data: nothing is left to compare on."""

    def train_dataloader(self) -> Any:
        return DataLoader(Stream(48, 0), batch_size=16)

    def val_dataloader(self) -> Any:
        return DataLoader(Stream(16, 1), batch_size=16)


@dataclass
class Row:
    x: Tensor
    y: Tensor


class Pair(NamedTuple):
    x: Tensor
    y: Tensor


class Rows(Dataset[Any]):
    """Rows of any form."""

    def __init__(self, form: Any, rows: int, seed: int) -> None:
        self.form, self.parts = form, points(rows, Generator().manual_seed(seed))

    def __len__(self) -> int:
        return len(self.parts[0])

    def __getitem__(self, index: int) -> Any:
        return self.form(*(part[index] for part in self.parts))


def of(form: Any, **settings: Any) -> Any:
    return lambda: [DataLoader(Rows(form, n, i), 16, **settings) for i, n in enumerate((48, 16, 16))]


class Attributes(Regression):
    def loss(self, batch: Any) -> Tensor:
        return F.mse_loss(self(batch.x), batch.y)


@case("forms of batches", "net.1", data=of(Pair))
class Tuples(Attributes):
    """Named tuples."""


def stacked(rows: list[Row]) -> Row:
    return Row(torch.stack([row.x for row in rows]), torch.stack([row.y for row in rows]))


@case("forms of batches", "net.1", data=of(Row, collate_fn=stacked))
class Dataclasses(Attributes):
    """Dataclasses by a collate function."""


@case("forms of batches", "net.1", data=of(lambda x, y: {"in": {"x": x}, "out": [y, "name"]}))
class Nested(Regression):
    """Dictionaries in dictionaries, lists with texts."""

    def loss(self, batch: Any) -> Tensor:
        assert isinstance(batch["out"][1][0], str)
        return F.mse_loss(self(batch["in"]["x"]), batch["out"][0])


@case("samplers", "net.1", model=Regression)
class Sampled(Loaders):
    """WeightedRandomSampler in training, a batch sampler of one's own in validation."""

    def train_dataloader(self) -> Any:
        weights = torch.linspace(0.5, 1.5, 48).tolist()
        return loader(points, shuffle=False, sampler=WeightedRandomSampler(weights, 32))

    def val_dataloader(self) -> Any:
        data = loader(points, 16, 1).dataset
        return DataLoader(data, batch_sampler=BatchSampler(RandomSampler(Subset(data, range(8))), 4, False))


@case("loaders of one's own", "net.1", model=Regression)
class OwnLoader(Loaders):
    """A class with __iter__ and __len__."""

    class Batches:
        def __init__(self, seed: int) -> None:
            self.seed = seed

        def __len__(self) -> int:
            return 3

        def __iter__(self) -> Iterator[Any]:
            for i in range(3):
                yield points(8, Generator().manual_seed(10 * self.seed + i))

    def train_dataloader(self) -> Any:
        return self.Batches(0)

    def val_dataloader(self) -> Any:
        return self.Batches(1)


@case("loaders of one's own", "net.1", data=loaders(points, num_workers=0, pin_memory=False, drop_last=True))
class Direct(Regression):
    """Loaders given one by one, no data module."""
