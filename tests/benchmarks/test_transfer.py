"""Transfer from small models to large ones, and the form of blocks: data, models, the scripts' short runs."""

import pytest
import torch

from autoact.conversion import apply, find_layers
from scripts.benchmarks.results import block_form, transfer


def test_the_text_is_sums_that_are_right():
    x, y = transfer.sums(20)["train"]
    assert torch.equal(x[:, 1:], y[:, :-1])
    text = "".join(transfer.SYMBOLS[symbol] for symbol in x.flatten().tolist())
    for one in text.split(";")[1:-1]:
        pair, _, result = one.partition("=")
        assert sum(map(int, pair.split("+"))) == int(result)


def test_the_large_models_have_more_layers_of_the_same_kinds():
    for task in (make() for make in transfer.TASKS.values()):
        small, large = (list(find_layers(make()).layers) for make in (task.small, task.large))
        assert set(small) < set(large)


def test_a_transformer_sees_no_symbol_that_comes_later():
    model = transfer.Transformer(2, 12)
    x = torch.randint(0, 10, (1, transfer.CONTEXT))
    later = x.clone()
    later[0, 5:] = 11
    torch.testing.assert_close(model(x)[..., :5], model(later)[..., :5])


def test_both_forms_have_as_many_parameters():
    gated, plain = block_form.Digits(), block_form.Digits()
    apply(plain, {"net.2.up_factor_1": "plain", "net.3.up_factor_1": "plain"})
    counts = {sum(p.numel() for p in model.parameters()) for model in (gated, plain)}
    assert len(counts) == 1


@pytest.mark.slow
def test_the_short_runs_print_a_row_per_model(capsys, tmp_path):
    transfer.main(["--short", "--task", "vision", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "| small search, transferred |" in printed
    assert "| large search with `like` |" in printed
    block_form.main(["--short", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert printed.startswith("Verdict: ")
    assert all(f"| {name} | " in printed for name in ("original", "plain", "clamped_offset", "identity"))
