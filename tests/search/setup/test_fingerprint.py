"""Fingerprint of data: rows of every layout that a tensor can have."""

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from autoact.search.setup import fingerprint


def content(rows: torch.Tensor) -> object:
    return fingerprint(None, {"training data": DataLoader(TensorDataset(rows), batch_size=2)})


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool])
def test_a_row_of_one_number_counts_by_its_value_whatever_its_strides(dtype: torch.dtype) -> None:
    ones = torch.tensor([1, 0, 0, 0, 1])[:, None]
    rows, others = ones.to(dtype), (1 - ones).to(dtype)
    spread = rows.as_strided((5, 1), (1, 0))  # as NumPy's [:, None] makes it
    assert content(spread) == content(rows) != content(others)
