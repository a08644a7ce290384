"""Folds that are trained at once are as models of their own."""

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from autoact import conversion
from autoact.training._compat import silence
from autoact.training.fit import silent_trainer
from autoact.training.tasks import FoldLinear, Perceptron


def fitted(module: Perceptron, batch: tuple[torch.Tensor, ...], epochs: int = 3) -> Perceptron:
    with silence():
        trainer = silent_trainer({"max_epochs": epochs, "accelerator": "cpu"})
        trainer.fit(module, DataLoader(TensorDataset(*batch), batch_size=1000))
    return module


def test_a_fold_linear_is_one_linear_per_fold() -> None:
    layer, x = FoldLinear(3, 4, 2), torch.randn(5, 4)
    for fold in range(3):
        alone = torch.nn.functional.linear(x, layer.weight[fold].T, layer.bias[fold, 0])
        torch.testing.assert_close(layer(x)[fold], alone)
    assert layer(layer.weight.new_ones(3, 5, 4)).shape == (3, 5, 2)


@pytest.mark.parametrize("classification", [True, False])
def test_a_fold_never_learns_from_its_own_rows(classification: bool) -> None:
    torch.manual_seed(0)
    x, fold = torch.randn(40, 3), torch.arange(40) % 2
    y = (x[:, 0] > 0).long() if classification else x[:, 0]
    changed = torch.where(fold == 1, 1 - y, y)  # other targets in fold 1: only the model of fold 0 may change
    models = []
    for target in (y, changed):
        torch.manual_seed(1)
        outputs = 2 if classification else 1
        module = Perceptron(
            3, outputs, classification=classification, hidden=(8,), folds=2, dropout=0.0, center=0.1
        )
        models.append(fitted(module, (x, target, fold)))
    first, second = (model.get_parameter("net.0.weight") for model in models)
    assert not torch.equal(first[0], second[0])
    torch.testing.assert_close(first[1], second[1], rtol=1e-6, atol=1e-7)


def test_validation_asks_only_the_fold_that_has_not_seen_a_row() -> None:
    module = Perceptron(1, 1, classification=False, hidden=(2,), folds=2, scale=2.0)
    logged: dict[str, float] = {}
    module.log_dict = lambda values, **_: logged.update(values)  # type: ignore[method-assign]
    module._each = lambda x: torch.tensor([[1.0, 1.0], [3.0, 3.0]])  # type: ignore[method-assign]
    x, y = torch.zeros(2, 1), torch.zeros(2)
    module.validation_step((x, y, torch.tensor([0, 1])), 0)
    assert float(logged["val_loss"]) == pytest.approx((1 + 9) / 2 / 4)
    assert float(logged["val_mae"]) == pytest.approx(2)
    module.validation_step((x, y, torch.tensor([1, -1])), 0)
    assert float(logged["val_loss"]) == pytest.approx((9 + 4 + 4) / 3 / 4)  # the mean of both models says 2


def test_rows_of_all_folds_judge_what_forward_returns() -> None:
    """The verdict is on the model that a run hands back, which is the mean over folds."""
    torch.manual_seed(0)
    module = Perceptron(3, 2, hidden=(8,), folds=4).eval()
    logged: dict[str, float] = {}
    module.log_dict = lambda values, **_: logged.update(values)  # type: ignore[method-assign]
    x, y = torch.randn(20, 3), torch.arange(20) % 2
    with torch.no_grad():
        module.validation_step((x, y, torch.full((20,), -1)), 0)
        said = module(x)
    assert float(logged["val_loss"]) == pytest.approx(float(torch.nn.functional.cross_entropy(said, y)))
    assert float(logged["val_acc"]) == pytest.approx(float((said.argmax(1) == y).float().mean()))


@pytest.mark.parametrize("folds", [1, 3])
def test_its_activations_are_found_and_its_output_has_the_targets_units(folds: int) -> None:
    module = Perceptron(4, 1, classification=False, hidden=(8, 8), folds=folds, center=1e4, scale=10.0)
    assert list(conversion.find_layers(module).layers) == ["net.1", "net.4"]
    said = module.eval()(torch.randn(6, 4))
    assert said.shape == (6,)
    assert (said - 1e4).abs().max() < 100
    converted = conversion.convert(module, ["relu", "tanh"])
    assert torch.equal(converted(torch.zeros(2, 4)), module(torch.zeros(2, 4)))
