"""Cards of objects in a notebook: escaped, offline, in the colors around them; and their short reprs."""

import math
import re
from collections.abc import Mapping
from typing import Any

import pytest
from torch import nn

import autoact
from autoact._card import NAMES, ROWS, card
from autoact.conversion import find_layers
from autoact.spaces import LayerRule

MANY = autoact.Assignment({f"net.{number}": "relu" for number in range(100)}, name="<script>")


def test_text_is_escaped() -> None:
    shown = card("<b>", ["<i>"], [["<u>", 1]], ["<s>"])
    assert not re.search(r"<[iu s]>", shown.replace("<b>&lt;b&gt;</b>", ""))
    assert all(f"&lt;{letter}&gt;" in shown for letter in "bius")


def test_a_long_table_says_how_much_is_left() -> None:
    shown = MANY._repr_html_()
    assert shown.count("<tr>") == ROWS + 1
    assert f"and {100 - ROWS} more" in shown
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown


def test_a_card_asks_for_nothing_and_leaves_the_colors_of_text_to_the_notebook() -> None:
    shown = MANY._repr_html_()
    assert not re.search(r"https?:|url\(|<script|<link|<img|src=", shown)
    assert not re.search(r"(?<![-\w])color:|background", shown)


def test_reprs_are_short() -> None:
    plan = find_layers(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.Sigmoid()))
    assert repr(plan) == "ConversionPlan(1=relu; 1 left alone)"
    assert repr(MANY).endswith(f"net.{NAMES - 1}=relu and {100 - NAMES} more, name='<script>')")
    assert repr(autoact.Assignment({})) == "Assignment()"


@pytest.mark.parametrize("name", ["physics", "systems_biology", "transformer"])
def test_the_repr_of_a_space_makes_it_again(name: str) -> None:
    space = autoact.SearchSpace.load(name)
    assert eval(repr(space), {"SearchSpace": autoact.SearchSpace, "inf": math.inf}) == space


def test_the_card_of_a_space_names_its_rules() -> None:
    rules: list[LayerRule | Mapping[str, Any]] = [
        {"match": "head.*", "keep": True},
        {"match": "body.*", "share": "group", "candidates": ["elu", "silu"]},
    ]
    shown = autoact.SearchSpace(["relu", "tanh"], layers=rules, require={"smoothness": 0})._repr_html_()
    assert re.findall(r"<td.*?>(.*?)</td>", shown) == [
        *("every layer", "relu, tanh"),
        *("head.*", "kept"),
        *("body.*", "elu, silu, one choice together"),
    ]


def test_the_card_of_a_conversion_names_what_is_left_alone() -> None:
    shown = find_layers(
        nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.Sigmoid())
    )._repr_html_()
    assert "<b>Layers: 1</b>" in shown
    assert "3 is left alone: sigmoid is an output head" in shown


def test_a_dry_run_shows_its_plan() -> None:
    result = autoact.run_search(
        objective=lambda assignment, seed, fraction: 1.0,
        layers=["a<b"],
        mode="min",
        space=["relu", "tanh"],
        budget=4,
        dry_run=True,
        quiet=True,
    )
    assert repr(result.plan) == "SearchPlan(<lambda>, 1 layer, 73 trainings, of unknown length)"
    assert "a&lt;b" in result._repr_html_()
    assert "confirmation (at most 3 models on 20 fresh seeds" in result._repr_html_()
