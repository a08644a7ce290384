"""Reader of values: whose result an expression is, as it is or as a view."""

import ast

from autoact.conversion.flow._data_flow import NOTHING, Made, Reader

VIEWING = ("T", "mT", "H", "data", "real")  # attributes that show the same memory


class ValueReader(Reader):
    """Reads a method from top to bottom and keeps whose result every local name is."""

    def _of(self, node: ast.AST | None) -> Made:
        """Return whose result an expression is."""
        match node:
            case ast.Call():
                return self._called(node)
            case ast.Name(id=name):
                return self.held.get(name, NOTHING)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if f"{name}.{attr}" in self.held:
                return self.held[f"{name}.{attr}"]
            case ast.Attribute(value=value, attr=attr):
                made = self._of(value)
                return made if attr in VIEWING else NOTHING
            case ast.Subscript(value=value) | ast.Starred(value=value):
                return self._of(value)
            case ast.NamedExpr(target=target, value=value):
                self._assign([target], value)
                return self._of(target)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._of(test)
                return self._of(body) | self._of(orelse)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Dict(values=elements):
                return self._all(elements)
            case ast.BinOp():
                return self._combined(node, self._of(node.left), node.op, self._of(node.right))
            case ast.Lambda() | None:
                return NOTHING
        self._all(ast.iter_child_nodes(node))
        return NOTHING

    def _combined(self, node: ast.BinOp, left: Made, op: ast.operator, right: Made) -> Made:
        """Return whose result a sum or product is, given those of its sides: a new one."""
        return NOTHING
