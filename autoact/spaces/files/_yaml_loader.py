"""Loader of YAML: plain values only, and no more of them than a file's length lets expect."""

import re
from typing import Any

import yaml

LONGEST = 32 * 2**20  # characters; plain Python reads a million a second
_DEEPEST = 100
_LARGEST = 10**4000
_REPEATED = 100_000  # values that aliases write out again: 400 characters can stand for billions


class PlainLoader(yaml.SafeLoader):
    """SafeLoader that reads 1e-3 as a number, and refuses what is nested too deeply or repeated too often."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise yaml.YAMLError(f"{len(text):,} characters; at most {LONGEST:,} are read")
        super().__init__(text)
        self._depth = self._repeated = 0
        self._sizes: dict[int, int] = {}  # values in a node that is whole, aliases written out

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node, within the bounds."""
        event = self.peek_event()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _refused(f"nested too deeply, more than {_DEEPEST} times", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if not isinstance(event, yaml.AliasEvent):
            self._sizes[id(node)] = 1 + sum(self._sizes[id(each)] for each in _inside(node))
            return node
        if id(node) not in self._sizes:
            raise _refused(f"*{event.anchor} stands in itself", event.start_mark)
        self._repeated += self._sizes[id(node)]
        if self._repeated > _REPEATED:
            raise _refused(f"aliases repeat more than {_REPEATED:,} values", event.start_mark)
        return node


def _whole_number(loader: PlainLoader, node: yaml.ScalarNode) -> int:
    found = loader.construct_yaml_int(node)
    if abs(found) >= _LARGEST:  # 1:00:00:... or 0xff...; of such, Python does not even print the digits
        raise _refused("a whole number of more than 4,000 digits", node.start_mark)
    return int(found)


PlainLoader.add_constructor("tag:yaml.org,2002:int", _whole_number)


class Dumper(yaml.SafeDumper):
    """SafeDumper that puts text into quotes which `PlainLoader` would read as a number."""


for _each in (PlainLoader, Dumper):
    _each.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d[\d_]*)?\.?\d+[eE][-+]?\d+$"), list("-+0123456789.")
    )


def _inside(node: yaml.Node | None) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _refused(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
