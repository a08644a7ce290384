"""The callback of transformers' Trainer: it refuses lost parameters, logs, and names what was learned."""

from pathlib import Path
from typing import Any

import pytest
import torch

import autoact
from autoact.errors import ConfigurationError
from autoact.training import param_groups

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate", reason="transformers' Trainer needs it")

IDS = torch.randint(5, 50, (32, 8), generator=torch.Generator().manual_seed(0))
ROWS = [{"input_ids": row, "labels": (row[0] > 25).long()} for row in IDS]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::autoact.nn.DoubtfulChoiceWarning"),
    pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true but no accelerator"),
]


def bert(**settings: Any) -> Any:
    torch.manual_seed(0)
    size = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.BertConfig(**size, intermediate_size=24, **settings)
    return transformers.BertForSequenceClassification(config)


def trainer(model: Any, out: Path, optimizer: Any = None, **settings: Any) -> tuple[Any, Any]:
    from autoact.integrations import TransformersCallback

    callback = TransformersCallback()
    arguments = transformers.TrainingArguments(
        str(out), per_device_train_batch_size=8, max_steps=6, save_steps=3, report_to="none", use_cpu=True,
        disable_tqdm=True, **settings,
    )  # fmt: skip
    made = transformers.Trainer(
        model, arguments, train_dataset=ROWS, optimizers=(optimizer, None), callbacks=[callback]
    )
    return made, callback


def converted() -> tuple[Any, Any]:
    model = autoact.convert(bert(), ["gelu", "relu", "silu"])
    return model, torch.optim.AdamW(param_groups(model, lr=1e-3, weight_decay=0.1, activation_lr=1e-2))


def test_a_training_ends_as_a_mixture_with_an_assignment_and_goes_on_exactly(tmp_path: Path) -> None:
    model, optimizer = converted()
    made, callback = trainer(model, tmp_path, optimizer)
    before = [layer.logits.detach().clone() for layer in autoact.auto_layers(model).values()]
    made.train()
    layers = autoact.auto_layers(model)
    assert list(callback.assignment or ()) == list(layers)
    assert all(float(layer.release) == 1 for layer in layers.values())
    assert not any(torch.equal(a, b.logits) for a, b in zip(before, layers.values(), strict=True))
    assert (tmp_path / "autoact" / "autoact.jsonl").is_file()  # what the dashboard reads

    again, optimizer = converted()
    resumed, _ = trainer(again, tmp_path, optimizer)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    for (name, one), other in zip(model.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other), name


def test_parameters_that_decay_or_are_missing_are_refused(tmp_path: Path) -> None:
    made, _ = trainer(converted()[0], tmp_path, weight_decay=0.1)
    with pytest.raises(
        ConfigurationError, match=r"decays bert\.encoder.*\.logits.* \(weight_decay=0\.1\).*param_groups"
    ):
        made.train()
    model = bert()
    early = torch.optim.AdamW(model.parameters())
    made, _ = trainer(autoact.convert(model, ["gelu", "relu"]), tmp_path, early)
    with pytest.raises(ConfigurationError, match=r"lacks bert\.encoder.*\.logits.*param_groups"):
        made.train()
    made, _ = trainer(bert(), tmp_path)
    with pytest.raises(ConfigurationError, match="no activation to learn"):
        made.train()


def test_names_of_the_registry_become_names_of_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    known = transformers.activations.ACT2FN
    own = [name for name in autoact.list_activations() if name not in known]
    assert len(own) >= 20
    for name in own:
        monkeypatch.setitem(known, name, (autoact.FixedActivation, {"name": name}))
    x = torch.linspace(0.1, 2, 5)
    for name in own:
        torch.testing.assert_close(known[name](x), autoact.get(name)(x))
    assert bert(hidden_act="hill")(IDS[:2]).logits.isfinite().all()


def test_a_name_of_this_process_alone_is_not_what_a_saved_choice_relies_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = transformers.activations.ACT2FN
    with monkeypatch.context() as here:
        here.setitem(known, "hill", (autoact.FixedActivation, {"name": "hill"}))
        model = autoact.apply(bert(), dict.fromkeys(autoact.find_layers(bert(), "default").layers, "hill"))
        model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path)
    assert torch.equal(loaded.eval()(IDS[:2]).logits, model.eval()(IDS[:2]).logits)
