"""Next character of a text: activations of a small transformer's feed-forward blocks, at equal tokens.

    python scripts/examples/applications/language.py [--short] [--text FILE] [--out DIR]

The text is the language reference that comes with Python (`pydoc_data.topics`, 465,000 characters in 3.11);
--text takes another. The first 80 % train a causal transformer of two blocks, 10 % guide the search and
10 % compare. Searches the space `language` against GELU; prints the verdict and a table of all single
activations, and draws their curves over equal tokens in language.png. About 90 s; --short 10 s.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from pydoc_data.topics import topics
from statistics import fmean
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from torch.utils.data import DataLoader, TensorDataset

if not __package__:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import autoact
from autoact.errors import AutoActError, DataError
from autoact.search import SearchResult
from scripts import terminal
from scripts.examples.applications._module import Application
from scripts.examples.applications._pictures import draw_seeds

CONTEXT, BATCH, EPOCHS = 32, 16, 4
_RARE = 20  # characters seen less often are one
_NAMES = {"original": "gelu (original)", "selected": "chosen, by block"}


def encoded(text: str) -> tuple[Tensor, int]:
    """Return the characters of a text as numbers, (N,), and how many kinds there are; all rare ones are 0."""
    counts = Counter(text)
    kinds = sorted(kind for kind, count in counts.items() if count >= _RARE)
    number = {kind: place for place, kind in enumerate(kinds, 1)}
    return torch.tensor([number.get(character, 0) for character in text]), len(kinds) + 1


def windows(characters: Tensor, count: int) -> TensorDataset:
    """Return windows at even distances with what follows each character, both (count, CONTEXT)."""
    starts = torch.linspace(0, len(characters) - CONTEXT - 1, count).long()
    rows = characters[starts[:, None] + torch.arange(CONTEXT + 1)]
    return TensorDataset(rows[:, :-1], rows[:, 1:])


def loaders(text: str, steps: int, held_out: int = 150) -> tuple[tuple[DataLoader[Any], ...], int]:
    """Return loaders of windows that train, guide and compare, and how many kinds of characters there are.

    Args:
        text: At least a few thousand characters.
        steps: Batches of an epoch.
        held_out: Windows that guide, and windows that compare.

    Raises:
        DataError: The text is too short.
    """
    if len(text) < 200 * CONTEXT:
        raise DataError(f"The text has {len(text)} characters; it needs at least {200 * CONTEXT}.")
    characters, kinds = encoded(text)
    train, guide, compare = characters.tensor_split([int(0.8 * len(text)), int(0.9 * len(text))])
    return (
        DataLoader(windows(train, steps * BATCH), batch_size=BATCH, shuffle=True),
        *(DataLoader(windows(part, held_out), batch_size=held_out) for part in (guide, compare)),
    ), kinds


class Block(nn.Module):
    """Causal attention and a feed-forward part with GELU, each beside a path that skips it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.act, self.down = nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, time, width)."""
        rows = self.attention(self.before(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = rows.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mixed(seen.transpose(1, 2).flatten(2))
        return x + self.down(self.act(self.up(self.after(x))))


class Transformer(Application):
    """Two blocks between an embedding and logits of the next character."""

    def __init__(self, kinds: int, width: int = 32, heads: int = 2) -> None:
        super().__init__(lr=3e-3)
        self.characters, self.places = nn.Embedding(kinds, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(Block(width, heads), Block(width, heads))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, kinds))

    def forward(self, characters: Tensor) -> Tensor:
        """Return logits of what follows, (batch, time, kinds)."""
        at = torch.arange(characters.shape[1], device=characters.device)
        return self.head(self.blocks(self.characters(characters) + self.places(at)))

    def loss(self, batch: Any) -> Tensor:
        """Return the cross entropy in nats per character."""
        characters, following = batch
        return cross_entropy(self(characters).flatten(0, 1), following.flatten())


def search(text: str, out: Path, *, short: bool) -> SearchResult:
    """Select the activations, and compare them with GELU on fresh seeds."""
    data, kinds = loaders(text, 10, 20) if short else loaders(text, 50)
    return autoact.run_search(
        partial(Transformer, kinds),
        data,
        space=["gelu", "relu_squared"] if short else "language",
        monitor="val_loss",
        budget=2 if short else 6,
        seeds=2 if short else 6,
        selection_seeds=1,
        trainer={"max_epochs": 2 if short else EPOCHS, "accelerator": "cpu"},
        out=out,
        quiet=True,
        task="characters",
    )


def curves(result: SearchResult) -> dict[str, tuple[list[int], list[float]]]:
    """Return tokens and mean losses of each single activation, the best at the end first."""
    runs: dict[str, list[Any]] = {}
    for training in result.trainings:
        if training.phase == "baseline" and training.usable:
            runs.setdefault(_NAMES.get(training.label, training.label), []).append(training)
    tokens = BATCH * CONTEXT
    found = {
        name: (
            [tokens * step for step in same[0].curve_steps],
            [*map(fmean, zip(*(t.curve for t in same), strict=True))],
        )
        for name, same in runs.items()
    }
    return dict(sorted(found.items(), key=lambda item: item[1][1][-1]))


def draw(result: SearchResult, path: Path) -> None:
    """Draw losses of the single activations over equal tokens, and what every fresh seed gave."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for place, (name, (tokens, losses)) in enumerate(curves(result).items()):
        thousands = [count / 1000 for count in tokens]
        left.plot(thousands, losses, label=name, linewidth=1, linestyle="-" if place < 5 else "--")
    left.set(
        xlabel="thousand characters seen in training", ylabel="nats per character", title="selection data"
    )
    left.legend(fontsize=8)
    draw_seeds(right, result)
    right.set_ylabel("nats per character")
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print and draw."""
    parser = terminal.parser(__doc__, short="two candidates, few steps and seeds", out=terminal.RUNS)
    parser.add_argument("--text", type=Path, metavar="FILE", help="another text, UTF-8")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        text = options.text.read_text(encoding="utf-8") if options.text else "\n".join(topics.values())
        result = search(text, options.out / "language", short=options.short)
    except (AutoActError, OSError, UnicodeError) as error:
        sys.exit(str(error))
    print(result.summary(), end="\n\n")
    found = curves(result)
    lines = [
        (name, *(f"{losses[at]:.3f}" for at in (0, len(losses) // 2, -1)))
        for name, (_, losses) in found.items()
    ]
    seen, _ = next(iter(found.values()))
    head = [f"after {seen[at]:,} characters" for at in (0, len(seen) // 2, -1)]
    print(terminal.markdown(("all blocks", *head), lines))
    draw(result, options.out / "language.png")


if __name__ == "__main__":
    torch.set_num_threads(1)  # the models are tiny: threads that wait for each other cost more than they do
    main()
