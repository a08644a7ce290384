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


@pytest.mark.filterwarnings("ignore:.*nested tensors:UserWarning")
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: torch.ones(32, 32).to_sparse(), "sparse_coo"),
        (lambda: torch.nested.nested_tensor([torch.ones(300), torch.ones(200)]), "nested"),
    ],
)
def test_tensors_without_dense_memory_are_refused(make, kind):
    with pytest.raises(UnsupportedInputError, match=f"x is .*{kind}, torch.float32 on cpu; .* dense"):
        autoact.mixture(make(), W, NAMES)
    with pytest.raises(UnsupportedInputError, match="dense"):
        autoact.AutoActivation(NAMES)(make())


@pytest.mark.parametrize("shape", [(64, 300), (4, 3)])
def test_no_parameters_per_channel(shape):
    x, theta = torch.randn(shape, requires_grad=True), torch.empty(shape[1], 0, requires_grad=True)
    y = autoact.mixture(x, W, ("relu", "tanh"), theta)
    y.sum().backward()
    torch.testing.assert_close(y, 0.5 * torch.relu(x) + 0.5 * torch.tanh(x))
