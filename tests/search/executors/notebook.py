"""A search as a notebook makes it, without IPython: cells in linecache, no file, a loop that runs.

python notebook.py OUT WIDTH [resume]
"""

import linecache
import sys
from typing import Any

CELLS = (
    '''
import asyncio
from dataclasses import dataclass

import lightning as L
import sympy as sp
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

import autoact

torch.set_default_dtype(torch.float64)


@autoact.activation(family="mine")
def wave(x, height=autoact.Parameter(default=1.0)):
    """A line with waves."""
    return x + height * sp.sin(x)


@autoact.activation(family="mine")
def bessel(x):
    """What SymPy is not asked to know."""
    return x * torch.special.i0e(x)


@dataclass
class Config:
    width: int = 4


class Rows(Dataset):
    def __init__(self, seed):
        self.x = torch.randn(32, 2, generator=torch.Generator().manual_seed(seed))

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.x[i, :1].sin()
''',
    """
class Net(L.LightningModule):
    def __init__(self, config=Config()):
        super().__init__()
        self.save_hyperparameters()
        self.a, self.b = nn.Linear(2, config.width), nn.Linear(config.width, 1)

    def forward(self, x):
        return self.b(F.relu(self.a(x))) * SCALE

    def training_step(self, batch, i):
        return F.mse_loss(self(batch[0]), batch[1])

    def validation_step(self, batch, i):
        self.log("val_loss", F.mse_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-2)
""",
    """
def search(out, **more):
    def stacked(rows):
        return tuple(map(torch.stack, zip(*rows)))

    loaders = [
        DataLoader(Rows(i), batch_size=32, collate_fn=lambda rows: stacked(rows), num_workers=int(i == 0))
        for i in range(3)
    ]
    return autoact.run_search(
        lambda: Net(), loaders, space=["relu", "wave", "bessel"], budget=2, seeds=2, selection_seeds=1,
        trainer={"max_epochs": 1, "accelerator": "cpu", "logger": False}, quiet=True, workers=2,
        out=out, **more
    )


async def cell():
    return search(OUT, resume=RESUME)
""",
    "result = asyncio.run(cell())",
)


def run(number: int, text: str, names: dict[str, Any]) -> None:
    """Run a cell."""
    name = f"/tmp/ipykernel_1/{number}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), names)


if __name__ == "__main__":
    main = sys.modules["__main__"]
    del main.__file__
    out, scale, *more = sys.argv[1:]
    vars(main).update(OUT=out, RESUME=bool(more))
    for number, text in enumerate(CELLS):
        run(number, text.replace("SCALE", scale), vars(main))
    found = vars(main)["result"]
    print(found.verdict, len(found.report["failures"]))
