"""DashboardPlugin: the tab "autoact" of TensorBoard, which reads records below the log directory."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tensorboard.plugins.base_plugin import FrontendMetadata, TBContext, TBPlugin
from werkzeug import wrappers

from autoact.dashboard._found_records import find_records, layer_of, read_record
from autoact.dashboard._pages import STATIC

_TYPES = {".js": "text/javascript", ".css": "text/css"}
_REMEMBERED = 3.0  # seconds for which the list of records is kept
MOST_BYTES = 32 * 2**20  # of one answer

App = Callable[[dict[str, Any], Any], Any]


class DashboardPlugin(TBPlugin):
    """Serve the widgets, the list of runs, and what their records say.

    Args:
        context: Of TensorBoard; its log directory is the only one that is read.

    Example:
        >>> DashboardPlugin(TBContext(logdir="")).is_active()
        False
    """

    plugin_name = "autoact"

    def __init__(self, context: TBContext) -> None:
        self._root = Path(context.logdir).expanduser() if context.logdir else None
        self._found: dict[str, Path] = {}
        self._until = 0.0

    def is_active(self) -> bool:
        """Tell whether there is anything to show."""
        return bool(self._records())

    def frontend_metadata(self) -> FrontendMetadata:
        """Return where the page begins."""
        return FrontendMetadata(es_module_path="/dashboard.js", tab_name="autoact")

    def get_plugin_apps(self) -> dict[str, App]:
        """Return what is served under which path."""
        files = {f"/{path.name}": _file(path) for path in sorted(STATIC.iterdir()) if path.suffix in _TYPES}
        return {**files, "/runs": self._runs, "/run": self._run, "/layer": self._layer}

    def _records(self) -> dict[str, Path]:
        if time.monotonic() >= self._until:
            self._found = {} if self._root is None else find_records(self._root)
            self._until = time.monotonic() + _REMEMBERED
        return self._found

    def _runs(self, environ: dict[str, Any], start: Any) -> Any:
        return _json(list(self._records()))(environ, start)

    def _run(self, environ: dict[str, Any], start: Any) -> Any:
        return self._answer(wrappers.Request(environ), read_record)(environ, start)

    def _layer(self, environ: dict[str, Any], start: Any) -> Any:
        request = wrappers.Request(environ)
        place = request.args.get("layer", -1, type=int)
        return self._answer(request, lambda path: layer_of(path, place))(environ, start)

    def _answer(self, request: wrappers.Request, read: Callable[[Path], Any]) -> wrappers.Response:
        """Read the record of a run that was found; a name leads nowhere else."""
        path = self._records().get(request.args.get("run", ""))
        if path is None:
            return _json({"error": "There is no such run below the log directory."}, 404)
        try:
            return _json(read(path))
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            return _json({"error": f"The record of this run cannot be read: {error}"}, 422)


def _json(content: Any, status: int = 200) -> wrappers.Response:
    text = json.dumps(content, separators=(",", ":"))
    if len(text) > MOST_BYTES:
        said = f"The record of this run is larger than {MOST_BYTES // 2**20} MB."
        text, status = json.dumps({"error": said}), 413
    return _response(text, "application/json", status)


def _file(path: Path) -> App:
    def serve(environ: dict[str, Any], start: Any) -> Any:
        return _response(path.read_text(encoding="utf-8"), _TYPES[path.suffix])(environ, start)

    return serve


def _response(text: str, kind: str, status: int = 200) -> wrappers.Response:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return wrappers.Response(text, status=status, content_type=f"{kind}; charset=utf-8", headers=headers)
