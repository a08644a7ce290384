"""Plan of a conversion: a value to print and to search over, made without touching the model."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from autoact._card import NAMES, card
from autoact.activations import PLAIN
from autoact.conversion._eligibility import Eligibility, asked, eligible, includes, without_factors
from autoact.conversion._grouping import groups_of, rule_of
from autoact.conversion._hand_placed import check_hand_placed, hand_placed, own_settings
from autoact.conversion._places import Found, Place, check_model, discover
from autoact.conversion._recipe import Entry, entries
from autoact.conversion.probing import ASKED, NEVER_CALLED, Line, Probed, probed
from autoact.conversion.source import (
    Call,
    lines_of,
    notices,
    opened,
    own_class,
    reached,
    unseen_calls,
    uses,
)
from autoact.conversion.surroundings import copies, plain_sizes, roles, source_of
from autoact.errors import ConversionError, first_few
from autoact.nn import AutoActivation
from autoact.spaces import Bounds, Choice, SearchSpace

V = TypeVar("V")
SpaceLike = SearchSpace | str | Path | Sequence[str] | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionPlan:
    """The layers that a space finds in a model.

    Attributes:
        layers: Present activation of every layer that would be converted, by path.
        placed: Layers that are `AutoActivation` modules of the model's own, by path, each with the bounds of
            its parameters. They have no present activation, and `convert` leaves them as they are.
        candidates: Names that compete in each layer of both kinds; the present activation is among them,
            unless a requirement of the space rules it out.
        settings: Parameter values that the present activation of each layer has, and the candidates of
            `placed` begin with.
        groups: Layers that make one choice together, each layer in exactly one group.
        paths: Every path that leads to a layer's module; more than one if an instance is used again.
        shared: Those of `paths` with more than one entry.
        split: Layers that were one module instance, by each of their paths: every use gets its own layer.
        calls: Source lines that run a layer several times in one forward.
        follows: Layers in copies that never train, such as target networks, by path: the layer of the
            source whose choice is theirs; both are in one group.
        blocks: Kind of the gated block that a layer opens, such as "SwiGLU", for layers that open one.
        plain: Parameters of a gated block, and of the plain one that is a candidate, by path of what the gate
            multiplies.
        left_alone: Why other activations are not converted, by path.
        lines: File and number of the source lines that `left_alone` speaks of.
        space: The search space.

    Example:
        >>> from torch import nn
        >>> from autoact.conversion import find_layers
        >>> find_layers(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), ["tanh"]).groups
        (('1',),)
    """

    layers: Mapping[str, Choice]
    placed: Mapping[str, Bounds]
    candidates: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, Mapping[str, Mapping[str, Any]]]
    groups: tuple[tuple[str, ...], ...]
    paths: Mapping[str, tuple[str, ...]]
    shared: Mapping[str, tuple[str, ...]]
    split: Mapping[str, tuple[str, ...]]
    calls: Mapping[str, tuple[Call, ...]]
    follows: Mapping[str, str]
    blocks: Mapping[str, str]
    plain: Mapping[str, tuple[int, int]]
    left_alone: Mapping[str, str]
    lines: frozenset[Line]
    space: SearchSpace

    def __repr__(self) -> str:
        """Return the layers with their present activations, and how many are left alone, in one line."""
        layers = first_few([f"{path}={now}" for path, now in self.layers.items()], NAMES)
        counts = [f"{len(self.placed)} placed"] * bool(self.placed) + [f"{len(self.left_alone)} left alone"]
        return f"ConversionPlan({'; '.join([*([layers] if layers else []), *counts])})"

    def _repr_html_(self) -> str:
        """Return layers, candidates and what is left alone for a notebook."""
        rows = [
            (path, self.layers.get(path, "its own mixture"), ", ".join(names))
            for path, names in self.candidates.items()
        ]
        alone = [f"{path} is left alone: {reason}" for path, reason in self.left_alone.items()]
        return card(f"Layers: {len(rows)}", ["layer", "now", "candidates"], rows, alone)

    def speaking(self, further: Mapping[str, str]) -> "ConversionPlan":
        """Return this plan with more said about what is left alone.

        Args:
            further: By path; beside what is said there.
        """
        said = {path: "; ".join(filter(None, [self.left_alone.get(path), further[path]])) for path in further}
        lines = self.lines | lines_of(further.values(), ())
        return replace(self, left_alone={**self.left_alone, **said}, lines=lines)

    def without(self, reasons: Mapping[str, str]) -> "ConversionPlan":
        """Return this plan with some of its layers left alone.

        Args:
            reasons: Why, by layer path; a layer that follows another goes or stays with that.
        """
        reasons = {path: why for path, why in reasons.items() if path not in self.follows}
        gone = {path: reasons[of] for path, of in self.follows.items() if of in reasons}
        reasons = {**reasons, **gone}
        paths = {path: every for path, every in self.paths.items() if path not in reasons}
        groups = (tuple(path for path in group if path in paths) for group in self.groups)
        split = {path: tuple(each for each in self.split[path] if each in paths) for path in self.split}
        return replace(
            self,
            layers=_of(paths, self.layers),
            placed=_of(paths, self.placed),
            candidates=_of(paths, self.candidates),
            settings=_of(paths, self.settings),
            groups=tuple(group for group in groups if group),
            paths=paths,
            shared=_of(paths, self.shared),
            split={path: every for path, every in _of(paths, split).items() if len(every) > 1},
            calls=_of(paths, self.calls),
            follows=_of(paths, self.follows),
            blocks=_of(paths, self.blocks),
            plain=_of(paths, self.plain),
            left_alone={**self.left_alone, **reasons},
        )


def _of(paths: Container[str], known: Mapping[str, V]) -> dict[str, V]:
    return {path: value for path, value in known.items() if path in paths}


def find_layers(
    model: nn.Module, space: SpaceLike = "default", *, example_input: Any = None
) -> ConversionPlan:
    """Return what `convert` would do to a model; changes nothing.

    Args:
        model: Any module; one converted before gives the plan of its conversion again.
        space: A space, its name, its path, plain data, or a list of candidates.
        example_input: What the model takes: a tensor, a tuple of arguments or a mapping of keywords. The
            model runs on it in evaluation and in training mode, as it is and with stand-ins; activations
            that run in neither, or that no stand-in can replace, are left alone.

    Raises:
        ConversionError: No model, a scripted one, or nothing to convert; lists the module types found. No
            activation runs with the example input.
        ConfigurationError: A rule of the space matches no layer; lists the paths.

    Example:
        >>> plan = find_layers(nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU(0.2)), ["tanh"])
        >>> plan.layers, plan.candidates
        ({'1': Choice('leaky_relu', negative_slope=0.2)}, {'1': ('tanh', 'leaky_relu')})
    """
    return plan_and_probe(model, space, example_input)[0]


def plan_and_probe(
    model: nn.Module, space: SpaceLike, example_input: Any
) -> tuple[ConversionPlan, Probed | None]:
    """Return the layers of a model, and what reached them; None without an example input."""
    plan = _planned(model, space)
    seen = None
    if example_input is None:
        plan = replace(plan.speaking(unseen_calls(model, {*plan.paths, *plan.left_alone})), lines=plan.lines)
    else:
        seen = probed(model, plan.layers, plan.paths, example_input, plan.left_alone, plan.lines)
        plan = plan.speaking(seen.unsaid)
    if not plan.paths:
        raise ConversionError(_nothing(model, plan.left_alone))
    if seen is None:
        return plan, None
    if len(seen.idle) == len(plan.paths):
        raise ConversionError(
            f"Nothing to convert in {type(model).__name__}: of its activations ({', '.join(seen.idle)}), "
            "none is called with the example input, neither in training nor in evaluation mode."
            f"{_listed(plan.left_alone)} Write what runs instead as modules such as nn.ReLU(), and call "
            "them in forward."
        )
    plan = plan.without({**dict.fromkeys(seen.idle, NEVER_CALLED), **dict.fromkeys(seen.asked, ASKED)})
    if not plan.paths:
        raise ConversionError(_nothing(model, plan.left_alone))
    return plan, seen


def _planned(model: nn.Module, space: SpaceLike) -> ConversionPlan:
    check_model(model)
    space, found = SearchSpace.of(space), discover(model)
    earlier = entries(model)
    placed, bare = hand_placed(found, earlier)
    left_alone = {**bare, **found.left_alone, **notices(model, frozenset(found.places))}
    present = _present(model, without_factors(found, space), placed)
    _check_rules(space, {**present, **found.places}, left_alone)
    present = _taken_apart(_within(space, present), found, present)
    space = _within(space, present)
    places, blocks = dict[str, Place](), dict[str, str]()
    found_roles, lines = roles(model), asked(model, present)
    follows = _followers(model, present, earlier)

    def judged(path: str, place: Place) -> Eligibility:
        """Return whether a layer is searched, and which block it is the gate of."""
        rule = rule_of(space, place.names)
        if rule is not None and rule.keep:
            return Eligibility(reason=f"kept by the rule match: {rule.match!r}")
        if place.choice is not None and place.choice.activation == PLAIN:
            return Eligibility(reason="its block is plain, and has no weights for another form")
        if path in follows:
            alone = f"it follows {follows[path]}, which is left alone"
            return Eligibility(reason=None if follows[path] in places else alone)
        if path in placed:
            check_hand_placed(place.present, path, rule, space)
        if path in placed or path in earlier:
            return Eligibility()
        listed = (rule.candidates if rule else None) or space.candidates
        verdict = eligible(model, place, found_roles, listed, lines.get(path))
        return replace(verdict, reason=None) if includes(rule, place.names) else verdict

    for path, place in sorted(present.items(), key=lambda item: item[0] in follows):
        verdict = judged(path, place)
        if verdict.reason:
            left_alone[path] = verdict.reason
            continue
        places[path] = place
        if verdict.block:
            blocks[path] = verdict.block
    places = {path: place for path, place in present.items() if path in places}
    spoken = [site for path, place in present.items() if path in left_alone for site in place.sites]
    spoken_of = lines_of(left_alone.values(), spoken)
    return _plan(model, space, places, blocks, left_alone, _of(places, follows), spoken_of)


def _followers(
    model: nn.Module, present: Mapping[str, Place], earlier: Mapping[str, Entry]
) -> dict[str, str]:
    """Return the path in the source for each activation in a copy that never trains."""
    sources = copies(model)
    found = {path: of for path in present if (of := source_of(path, sources)) is not None}
    known = {path: entry["follows"] for path, entry in earlier.items() if entry.get("follows")}
    return {
        path: of
        for path, of in {**found, **known}.items()
        if path in present and of in present and _alike(present[path], present[of])
    }


def _alike(copy: Place, source: Place) -> bool:
    if copy.choice is None and source.choice is None:
        return copy.present.candidates == source.present.candidates
    return copy.choice == source.choice


def _present(model: nn.Module, found: Found, placed: Mapping[str, Place]) -> dict[str, Place]:
    """Return the places of layers; the activation of a converted layer is the one it replaced."""
    known = {path: place for path, place in found.places.items() if place.choice is not None}
    present = {**known, **placed}
    for path, entry in entries(model).items():
        if entry["kind"] == "mixture" and is_converted(model, path):
            layer, original = model.get_submodule(path), Choice.from_dict(entry["original"])
            present[path] = Place(present=layer, choice=original, paths=tuple(entry["paths"]))
    order = [path for path, _ in model.named_modules(remove_duplicate=False)]
    rank = {path: index for index, path in enumerate(order)}
    return dict(sorted(present.items(), key=lambda item: rank.get(item[0], rank[_parent(item[0])])))


def _within(space: SearchSpace, present: Mapping[str, Place]) -> SearchSpace:
    """Return a space that knows how deep in the model each place is."""
    return space.within(path for place in present.values() for path in place.paths)


def _taken_apart(space: SearchSpace, found: Found, present: Mapping[str, Place]) -> dict[str, Place]:
    """Return the places, with single calls instead of one that they share where rules tell them apart."""
    apart: dict[str, Place] = {}
    for path, place in present.items():
        rules = {id(rule_of(space, [part])) for part in place.parts}
        known = {part: found.whole[part] for part in place.parts if part in found.whole}
        apart.update(known if len(rules) > 1 and known else {path: place})
    return apart


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _plan(
    model: nn.Module,
    space: SearchSpace,
    places: Mapping[str, Place],
    blocks: Mapping[str, str],
    left_alone: Mapping[str, str],
    follows: Mapping[str, str],
    lines: frozenset[Line],
) -> ConversionPlan:
    layers = {path: place.choice for path, place in places.items() if place.choice is not None}
    placed = {path: place.present for path, place in places.items() if place.choice is None}
    paths = {path: place.paths for path, place in places.items()}
    names = {path: places[follows.get(path, path)].names for path in places}
    settings = {
        path: {c.activation: dict(c.parameters)} if c.parameters and not space.refusal(c) else {}
        for path, c in layers.items()
    }
    candidates = {path: _candidates(space, names[path], choice) for path, choice in layers.items()}
    candidates |= {path: layer.candidates for path, layer in placed.items()}
    calls = {path: _calls(model, path, place) for path, place in places.items()}
    return ConversionPlan(
        layers=layers,
        placed={path: layer.bounds for path, layer in placed.items()},
        candidates={path: candidates[path] for path in places},
        settings={**settings, **{path: own_settings(layer) for path, layer in placed.items()}},
        groups=groups_of(space, places, names, follows),
        paths=paths,
        shared={path: every for path, every in paths.items() if len(every) > 1},
        split=_split(places),
        calls={path: lines for path, lines in calls.items() if lines},
        follows=follows,
        blocks=blocks,
        plain=plain_sizes(model, candidates, follows),
        left_alone=left_alone,
        lines=lines,
        space=space,
    )


def _split(places: Mapping[str, Place]) -> dict[str, tuple[str, ...]]:
    users = dict[int, list[str]]()
    for path, place in places.items():
        if isinstance(place.present, nn.Module):
            users.setdefault(id(place.present), []).append(path)
    return {path: tuple(paths) for paths in users.values() if len(paths) > 1 for path in paths}


def _candidates(space: SearchSpace, names: Sequence[str], present: Choice) -> tuple[str, ...]:
    rule = rule_of(space, names)
    known = (rule.candidates if rule else None) or space.candidates
    if present.activation in known or space.require.violation(present.activation, space.bounds):
        return known
    return (*known, present.activation)


def _calls(model: nn.Module, path: str, place: Place) -> tuple[Call, ...]:
    """Return the source lines that use one layer, where it is used more than once."""
    if place.site is not None:
        return (place.site.call,) if place.site.loop else ()
    owner, attribute = model.get_submodule(_parent(path)), path.rpartition(".")[2]
    elsewhere = {call.name for call in opened(owner) if call.layer != attribute}
    runs = reached(own_class(owner))
    found = [
        use
        for use in uses(own_class(owner), attribute)
        if use.name not in elsewhere and use.method.name in runs
    ]
    several = len({use.layer for use in found}) > 1 or any(use.loop for use in found)
    return tuple(use.call for use in found) if several else ()


def _check_rules(space: SearchSpace, found: Mapping[str, Place], left_alone: Mapping[str, str]) -> None:
    """Complain about a rule that speaks about no activation of the model, nor a factor of a product."""
    known = [path for place in found.values() for path in place.names] + list(left_alone)
    for rule in space.layers if known else ():
        rule.check_use(known)


def _nothing(model: nn.Module, left_alone: Mapping[str, str]) -> str:
    if "" in left_alone:  # of a model that is one module
        return f"Nothing to convert in {type(model).__name__}: {left_alone['']}."
    kinds = Counter(type(m).__name__ for m in model.modules() if m is not model)
    listed = ", ".join(f"{kind} x{count}" for kind, count in kinds.most_common()) or "none"
    return (
        f"Nothing to convert in {type(model).__name__}: its modules ({listed}) include no activation that "
        f"autoact may replace.{_listed(left_alone)} Write activations as modules such as nn.ReLU(); "
        "`autoact list` shows the names."
    )


def _listed(reasons: Mapping[str, str]) -> str:
    return "".join(f" {path}: {reason}." for path, reason in reasons.items())


def is_converted(model: nn.Module, path: str) -> bool:
    """Tell whether an AutoActivation is at a path."""
    try:
        return isinstance(model.get_submodule(path), AutoActivation)
    except AttributeError:
        return False
