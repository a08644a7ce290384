"""Setting of a small task: candidates, network and training, drawn from the task's name."""

import zlib
from dataclasses import dataclass

import numpy as np

from scripts.benchmarks.tables.tasks import EIGHT

OTHERS = ("prelu", "selu", "mish", "softsign", "hardswish", "snake", "gaussian", "sigmoid", "smelu", "lisht")
POOL = (*EIGHT, *OTHERS)
CANDIDATES = {2: 12, 3: 6, 4: 4}  # by the number of layers
RATES = {"adam": (2e-3, 1e-2), "sgd": (3e-2, 2e-1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Network and training of a task.

    Attributes:
        candidates: Of every hidden layer: the usual ones, or relu and others at random.
        widths: Units of each hidden layer.
        raw: Whether inputs are only scaled, all by one number; else each is standardized.
        normalized: Whether there is batch normalization before each activation.
        optimizer: "adam", or "sgd" with momentum 0.9.
        lr: Learning rate.
        decays: Whether it decays linearly to 0.
        batch: Rows per step.
        steps: Of a training.
        rows: To train, at most half of what there are.
    """

    candidates: tuple[str, ...]
    widths: tuple[int, ...]
    raw: bool
    normalized: bool
    optimizer: str
    lr: float
    decays: bool
    batch: int
    steps: int
    rows: int

    @classmethod
    def of(cls, name: str) -> "Setting":
        """Draw the setting of a task.

        Example:
            >>> Setting.of("moons").candidates
            ('relu', 'leaky_relu', 'elu', 'silu', 'gelu', 'tanh')
        """
        draw = np.random.default_rng(zlib.crc32(name.encode()))
        depth = int(draw.choice([2, 3, 3, 3, 3, 4]))
        usual = draw.random() < 0.5
        drawn = ("relu", *draw.permutation(POOL[1:])[: CANDIDATES[depth] - 1].tolist())
        often = (*EIGHT, *(name for name in drawn if name not in EIGHT))[: CANDIDATES[depth]]
        normalized = bool(draw.random() < 0.2)
        optimizer = str(draw.choice(["adam", "adam", "sgd"]))
        return cls(
            candidates=often if usual else drawn,
            widths=(int(draw.choice([8, 12, 16, 24] if depth < 4 else [8, 12])),) * depth,
            raw=bool(draw.random() < 0.25),
            normalized=normalized,
            optimizer=optimizer,
            lr=float(np.exp(draw.uniform(*np.log(RATES[optimizer])))),
            decays=bool(draw.random() < 0.5),
            batch=int(draw.choice([16, 32])),
            steps=int(draw.choice([100, 150, 200])),
            rows=int(draw.choice([300, 600, 1000])),
        )
