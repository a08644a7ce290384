"""Whatever text a space's file holds, it is a space or one located complaint, never a crash."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from autoact.errors import AutoActError
from autoact.spaces import SearchSpace, parse_space
from autoact.spaces.files import parse

GOOD = """\
version: 1
name: mine
candidates: {families: [bell, periodic], include: [relu], exclude: [gcu]}
layers:
  - {match: "*.head.*", keep: true}
  - {match: "enc.*", depth: first quarter, share: group}
  - {match: "enc.*", share: group, candidates: [gelu, silu]}
require: {bounded: false, smoothness: 0}
bounds: {swish: {beta: [0.5, 5]}, prelu: {slope: 0.25}}
relaxation: {kind: softmax, granularity: layer, temperature: 1.0}
"""
WORDS = [match.span() for match in re.finditer(r'[\w.*"-]+|\[[^\]]*\]|\{[^}]*\}', GOOD)]
STRANGE = """1 -1 .inf .nan true ~ [] {} [[]] {a:b} {[1]:2} 1e999 2020-01-01 2020-13-45 *a !!python/object:os
!!binary ' \\0 é - : <<:*a 12:30:00 [relu,[tanh]] relu depth [1,0.5] {relu:1} 99999999999999999999""".split()
REPLACEMENTS = st.sampled_from(
    [*STRANGE, "\t", "\0", "&a b", "{a: b}", "{[1]: 2}", "? [a]: b", "<<: *a", "- ", ": "]
)


def outcome(text: str) -> SearchSpace | AutoActError:
    try:
        return parse_space(parse(text, "mine.yaml"))
    except AutoActError as error:
        return error


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_a_changed_file_is_a_space_or_a_located_complaint(data: st.DataObject) -> None:
    text = GOOD
    for start, end in sorted(
        data.draw(st.sets(st.sampled_from(WORDS), min_size=1, max_size=2)), reverse=True
    ):
        text = text[:start] + data.draw(REPLACEMENTS) + text[end:]
    found = outcome(text)
    if isinstance(found, AutoActError):
        assert str(found).startswith("mine.yaml")
    else:
        assert SearchSpace.from_dict(found.to_dict()) == found
