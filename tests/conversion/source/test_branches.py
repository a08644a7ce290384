"""Branches: which calls of a function exclude each other."""

import ast
import textwrap

import pytest

from autoact.conversion.source._branches import exclusive

EXCLUSIVE = {
    "two branches": """
        if c:
            return a(x)
        else:
            return b(x)""",
    "conditional expression": "return a(x) if c else b(x)",
    "early return": """
        if c:
            return g(a(x))
        return b(x)""",
    "early return, assigned before": """
        if c:
            x = a(x)
            return x
        x = b(x)
        return x""",
    "elif": """
        if c:
            y = a(x)
        elif d:
            y = x
        else:
            y = b(x)
        return y""",
    "raise": """
        if c:
            a(x)
            raise ValueError
        b(x)""",
    "both ways out": """
        if c:
            x = a(x)
            if d:
                return x
            else:
                raise ValueError
        return b(x)""",
    "match": """
        match c:
            case 1:
                x = a(x)
            case _:
                x = b(x)
        return x""",
    "under autocast": """
        if c:
            with autocast():
                return a(x)
        return b(x)""",
    "in one try": """
        try:
            if c:
                return a(x)
            return b(x)
        finally:
            pass""",
}
TOGETHER = {
    "one after the other": """
        x = a(x)
        return b(x)""",
    "nested": "return a(b(x))",
    "no way out": """
        if c:
            x = a(x)
        return b(x)""",
    "one of two ways out": """
        if c:
            x = a(x)
            if d:
                return x
        return b(x)""",
    "test and branch": """
        if a(x).sum() > 0:
            return b(x)
        return x""",
    "test of an expression": "return b(x) if a(x).any() else x",
    "loop": """
        for i in c:
            if i:
                x = a(x)
            else:
                x = b(x)
        return x""",
    "while": """
        while c:
            if d:
                return a(x)
            x = b(x)
        return x""",
    "out of a loop": """
        for i in c:
            if i:
                return a(x)
        return b(x)""",
    "comprehension": "return [a(x) if i else b(x) for i in c]",
    "inner function": """
        def f(x):
            return a(x) if c else b(x)
        return f(f(x))""",
    "lambda": "return (lambda x: a(x) if c else b(x))(x)",
    "try and except": """
        try:
            return a(x)
        except ValueError:
            return b(x)""",
    "after a try": """
        try:
            return a(x)
        except ValueError:
            pass
        return b(x)""",
    "finally": """
        try:
            return a(x)
        finally:
            b(x)""",
    "suppressed": """
        with suppress(ValueError):
            a(x)
            raise ValueError
        b(x)""",
    "or": "return a(x) or b(x)",
    "two ifs": """
        if c:
            x = a(x)
        if not c:
            x = b(x)
        return x""",
}


def _exclusive(body: str) -> bool:
    source = "def forward(self, x, c, d):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    (tree,) = ast.parse(source).body
    calls = {
        node.func.id: node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert exclusive(tree, calls["a"], calls["b"]) == exclusive(tree, calls["b"], calls["a"])
    return exclusive(tree, calls["a"], calls["b"])


@pytest.mark.parametrize("body", EXCLUSIVE.values(), ids=EXCLUSIVE)
def test_one_execution_reaches_one_of_them(body: str) -> None:
    assert _exclusive(body)


@pytest.mark.parametrize("body", TOGETHER.values(), ids=TOGETHER)
def test_one_execution_may_reach_both(body: str) -> None:
    assert not _exclusive(body)
