import pytest
import torch

from autoact.conversion.saving import decoded, differs, encoded
from autoact.errors import ConversionError
from autoact.spaces import Choice

LAYERS = {"net.1": {"paths": ["net.1"], "choice": Choice("elu", {"alpha": 0.7}).to_dict(), "channel_dim": 1}}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.uint8, torch.int64])
def test_a_cast_state_names_the_same(dtype):
    assert decoded(encoded(LAYERS).to(dtype)) == LAYERS


def test_an_exponential_average_of_equal_states_names_the_same():
    average, entry = encoded(LAYERS), encoded(LAYERS)
    for _ in range(1000):
        average.mul_(0.999).add_(entry, alpha=0.001)
    assert decoded(average) == LAYERS


@pytest.mark.parametrize("saved", ["text", torch.ones(3), torch.zeros(0), torch.full((2,), 900.0)])
def test_a_damaged_entry_is_one_clear_error(saved):
    with pytest.raises(ConversionError, match="damaged"):
        decoded(saved)


def test_another_version_is_refused():
    codes = list(b'{"version":9,"layers":{}}')
    with pytest.raises(ConversionError, match=r"version 1; got 9"):
        decoded(torch.tensor(codes))


def test_slopes_that_the_weights_hold_are_no_difference():
    first, second = ({"1": {"choice": Choice("prelu", {"slope": s}).to_dict()}} for s in (0.1, 0.2))
    assert differs(first, second) is None
    assert differs(first, {}) == "1 is prelu(slope=0.1), but the weights are of the original"
