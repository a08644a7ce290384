import pytest
import torch

import autoact
from autoact.errors import ConfigurationError, UnknownActivationError, UnsupportedInputError

NAMES = ("relu", "elu")
W = torch.tensor([0.5, 0.5])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: autoact.mixture(torch.arange(3), W, NAMES), r"\(3,\) torch.int64"),
        (lambda: autoact.mixture(torch.ones(3, dtype=torch.complex64), W, NAMES), "complex64"),
        (lambda: autoact.mixture(torch.ones(3), torch.ones(3), NAMES), r"with K = 2; got x \(3,\)"),
        (lambda: autoact.mixture(torch.ones(3), W, NAMES, torch.ones(2)), r"with P = 1"),
        (lambda: autoact.mixture(torch.ones(3, 4), torch.ones(3, 2), NAMES), "dimension 1 of x"),
        (lambda: autoact.mixture(torch.ones(3), torch.ones(2, device="meta"), NAMES), "on one device"),
    ],
)
def test_unsupported_input_names_what_came(call, text):
    with pytest.raises(UnsupportedInputError, match=text):
        call()


def test_unknown_names_suggest():
    with pytest.raises(UnknownActivationError, match="Did you mean 'relu'"):
        autoact.mixture(torch.ones(3), W, ("rleu", "elu"))
    with pytest.raises(ConfigurationError, match=r"no parameter 'elu.beta'. Its parameters: elu.alpha"):
        autoact.mixture(torch.ones(3), W, NAMES, {"elu": {"beta": 1.0}})


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: autoact.mixture(torch.ones(3), W, "relu"), ConfigurationError, "candidates is 'relu'"),
        (lambda: autoact.mixture(torch.ones(3), W, []), ConfigurationError, r"candidates is \[\]"),
        (lambda: autoact.mixture(torch.ones(3), [0.5, 0.5], NAMES), UnsupportedInputError, "weights is"),  # type: ignore[arg-type]
        (
            lambda: autoact.mixture(torch.ones(3), W, NAMES, {"elu.alpha": torch.ones(())}),  # type: ignore[dict-item]
            ConfigurationError,
            r"parameters\['elu.alpha'\] is",
        ),
    ],
)
def test_wrong_kinds_of_argument(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_meta_tensors_have_shapes():
    x = torch.ones(3, 4, device="meta", requires_grad=True)
    assert autoact.mixture(x, torch.ones(2, device="meta"), NAMES).shape == (3, 4)
