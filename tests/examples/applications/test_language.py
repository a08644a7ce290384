"""The text is cut without overlap, no character sees what follows it, and curves are at equal tokens."""

from pydoc_data.topics import topics
from typing import cast

import pytest
import torch
from torch.utils.data import TensorDataset

from autoact.errors import DataError
from scripts.examples.applications import language as run

TEXT = "\n".join(topics.values())


def test_characters_become_numbers_and_rare_ones_one() -> None:
    numbers, kinds = run.encoded("ab" * 30 + "zq")
    assert kinds == 3
    assert numbers[:4].tolist() == [1, 2, 1, 2]
    assert numbers[-2:].tolist() == [0, 0]


def test_parts_of_the_text_share_no_character() -> None:
    text = "".join(chr(ord("a") + (at * 10) // 20_000) * 20 for at in range(1000))
    loaders, _ = run.loaders(text, 3)
    train, guide, compare = (cast(TensorDataset, loader.dataset).tensors for loader in loaders)
    assert train[0].shape == (3 * run.BATCH, run.CONTEXT)
    numbers, _ = run.encoded(text)
    borders = [int(0.8 * len(text)), int(0.9 * len(text))]
    ends = [following[-1, -1] for _, following in (train, guide, compare)]
    assert ends == [numbers[borders[0] - 1], numbers[borders[1] - 1], numbers[-1]]
    starts = [characters[0, 0] for characters, _ in (train, guide, compare)]
    assert starts == [numbers[0], numbers[borders[0]], numbers[borders[1]]]
    with pytest.raises(DataError, match="has 6 characters; it needs at least 6400"):
        run.loaders("a text", 1)


def test_a_row_is_followed_by_its_next_characters() -> None:
    x, y = run.windows(torch.arange(1000), 5).tensors
    assert torch.equal(x + 1, y)
    assert y.max() == 999


def test_no_character_sees_what_follows_it() -> None:
    torch.manual_seed(0)
    model = run.Transformer(7).eval()
    row = torch.randint(0, 7, (1, run.CONTEXT))
    other = row.clone()
    other[0, 30:] = (other[0, 30:] + 1) % 7
    with torch.no_grad():
        first, second = model(row), model(other)
    assert torch.allclose(first[:, :30], second[:, :30], atol=1e-6)
    assert (first[:, 30:] - second[:, 30:]).abs().max() > 0.01


@pytest.mark.slow
def test_the_search_runs_to_a_verdict_curves_and_a_picture(tmp_path, capsys) -> None:
    run.main(["--short", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert "Verdict:" in out
    assert f"after {20 * run.BATCH * run.CONTEXT:,} characters |" in out
    assert "| relu_squared |" in out
    assert (tmp_path / "language.png").stat().st_size > 10_000


def test_a_missing_text_ends_in_one_line(tmp_path) -> None:
    with pytest.raises(SystemExit, match=r"nothing\.txt"):
        run.main(["--text", str(tmp_path / "nothing.txt"), "--out", str(tmp_path)])
