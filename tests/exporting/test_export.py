"""What is exported needs no autoact, and computes what the model does."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import autoact
from autoact.errors import ConfigurationError, ConversionError
from autoact.exporting import SUFFIXES, Format, module_text, ready

ALONE = """
import importlib.util, sys
sys.modules["autoact"] = None  # an import of it fails
import torch
from torch import nn
spec = importlib.util.spec_from_file_location("activations", sys.argv[1] + "/activations.py")
found = importlib.util.module_from_spec(spec)
spec.loader.exec_module(found)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
model = found.put(model).eval()
model.load_state_dict(torch.load(sys.argv[1] + "/weights.pt"))
x, y = torch.load(sys.argv[2])
assert (model(x) - y).abs().max() <= 1e-6 * y.abs().max(), "differs"
print(model[1], model[3])
"""


class Block(nn.Module):
    """Part of a residual network."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(4, 4, 3, padding=1, bias=False) for _ in range(2))
        self.norm, self.act = nn.BatchNorm2d(4), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.second(self.act(self.norm(self.first(x)))) + x)


class Graph(nn.Module):
    """Two graph convolutions, with functions for activations."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        return adjacency @ self.second(torch.relu(adjacency @ self.first(x)))


class Everything(nn.Module):
    """One layer of every activation."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.ReLU() for name in autoact.list_activations()})

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([layer(x) for layer in self.layers.values()])


def perceptron() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))


def trained(model: nn.Module) -> nn.Module:
    """Return the model with weights as training leaves them, running statistics among them."""
    torch.manual_seed(0)
    for value in [*model.parameters(), *model.buffers()]:
        if value.is_floating_point():
            value.data.add_(0.1 * torch.rand_like(value))
    return model


@pytest.mark.slow
def test_text_alone_gives_the_same_model(tmp_path: Path) -> None:
    slopes = tuple(0.1 * n for n in range(1, 9))
    model = autoact.apply(
        trained(perceptron()),
        {"1": autoact.Choice("squareplus", b=2.0), "3": autoact.Choice("swish", beta=slopes)},
    ).eval()
    x = torch.randn(16, 4)
    found = autoact.export(model, tmp_path / "mine", x)
    torch.save((x, model(x).detach()), tmp_path / "expected.pt")
    said = subprocess.run(
        [sys.executable, "-c", ALONE, str(found.path), str(tmp_path / "expected.pt")],
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout == "Elementwise(squareplus) Elementwise(swish)\n"
    assert type(model.get_submodule("1")).__name__ == "FixedActivation", "the model itself stays"


def test_a_model_that_is_searched_is_written_with_what_it_would_choose(tmp_path: Path) -> None:
    model = autoact.convert(trained(perceptron()), ["relu", "tanh"])
    found = autoact.export(model, tmp_path / "mine", torch.randn(5, 4))
    assert "nn.ReLU()" in (found.path / "activations.py").read_text()
    assert list(autoact.auto_layers(model)) == ["1", "3"], "and stays searched"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "format"),
    [
        ("residual", "onnx"),
        ("graph", "torch-export"),
        pytest.param("residual", "torch-export", marks=pytest.mark.long),
        pytest.param("graph", "onnx", marks=pytest.mark.long),
        ("transformer", "torch-export"),
        pytest.param("transformer", "onnx", marks=pytest.mark.long),
    ],
)
def test_a_network_is_exported(tmp_path: Path, kind: str, format: Format) -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    model, inputs = {
        "residual": (nn.Sequential(Block(), Block()), (torch.randn(2, 4, 6, 6),)),
        "transformer": (nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), (torch.randn(2, 5, 8),)),
        "graph": (Graph(), (torch.randn(7, 6), torch.eye(7))),
    }[kind]
    names = ["squareplus", "mish", "snake", "swish"]
    paths = autoact.find_layers(model).layers
    autoact.apply(trained(model), dict(zip(paths, names, strict=False)))
    found = autoact.export(model, tmp_path / f"m{SUFFIXES[format]}", inputs, format=format)
    assert found.difference < 1e-5
    assert found.any_batch is (kind != "graph"), "two graphs are no larger graph here"


@pytest.mark.slow
def test_every_activation_agrees_with_onnx_runtime(tmp_path: Path) -> None:
    model = Everything()
    autoact.apply(model, {f"layers.{name}": name for name in autoact.list_activations()})
    x = torch.cat([torch.linspace(-8, 8, 1001), torch.tensor([0.0, -0.0, 1.0, -1.0, 3.0, -3.0])])
    found = autoact.export(model, tmp_path / "all.onnx", x, format="onnx")
    assert found.difference < 1e-5
    assert found.any_batch


def test_calls_in_code_are_refused_as_text_alone(tmp_path: Path) -> None:
    model = autoact.apply(Graph(), {"relu_1": "tanh"})
    with pytest.raises(ConversionError, match=r"Graph .* calls 1 activations in its own code"):
        autoact.export(model, tmp_path / "mine", (torch.randn(7, 6), torch.eye(7)))
    assert list(tmp_path.iterdir()) == []


def test_a_torch_callable_is_refused(tmp_path: Path) -> None:
    @autoact.activation(family="test")
    def bessel_exported(x):
        """Scaled Bessel function."""
        return torch.special.i0e(x)

    model = autoact.apply(perceptron(), {"1": "bessel_exported"})
    with pytest.raises(ConversionError, match="1 is bessel_exported, a torch callable without formula"):
        autoact.export(model, tmp_path / "mine", torch.randn(5, 4))


def test_nothing_is_overwritten_and_names_are_checked(tmp_path: Path) -> None:
    x = torch.randn(5, 4)
    (tmp_path / "mine").write_text("a user's")
    with pytest.raises(ConfigurationError, match="exists already and is left untouched"):
        autoact.export(perceptron(), tmp_path / "mine", x)
    with pytest.raises(ConfigurationError, match=r"does not end in \.onnx"):
        autoact.export(perceptron(), tmp_path / "mine.pb", x, format="onnx")
    with pytest.raises(ConfigurationError, match="'tflite' is none of module, torch-export, onnx"):
        autoact.export(perceptron(), tmp_path / "new", x, format="tflite")  # type: ignore[arg-type]


def test_what_computes_something_else_once_read_is_not_kept(tmp_path: Path) -> None:
    noisy = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Noise())
    with pytest.raises(ConversionError, match="differs from Sequential by"):
        autoact.export(noisy, tmp_path / "mine", torch.randn(5, 4))
    assert list(tmp_path.iterdir()) == []


class Noise(nn.Module):
    """Noise in evaluation, too."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x)


def test_equal_functions_are_written_once_and_shared_layers_stay_shared() -> None:
    prelu = nn.PReLU()
    model = nn.Sequential(*(nn.ReLU() for _ in range(3)), nn.Linear(2, 2), prelu, nn.Linear(2, 2), prelu)
    autoact.apply(model, {"0": "squareplus", "1": "squareplus", "2": autoact.Choice("squareplus", b=3.0)})
    text = module_text(ready(model))
    assert text.count("def squareplus(") == text.count("def squareplus_2(") == 1
    assert text.count("Elementwise(squareplus)") == 2
    assert "(('4', '6'), lambda: nn.PReLU(num_parameters=1))" in text


def test_slopes_have_the_precision_of_a_half_model(tmp_path: Path) -> None:
    model = autoact.apply(nn.Sequential(nn.Linear(4, 4), nn.ReLU()).to(torch.bfloat16), {"1": "prelu"})
    written = autoact.export(model, tmp_path / "mine", torch.randn(5, 4, dtype=torch.bfloat16))
    assert written.difference == 0
