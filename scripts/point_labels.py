"""Names beside the points of a chart, none on another and none beyond the frame."""

from collections.abc import Iterable
from itertools import product

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox

_PLACES = list(product((3, -9, 11, -17, 19, -25, -33, -41, -49, -57), (4, -4)))  # up and aside, in points
_MARK = 3  # pixels from the middle of a point to its edge


def label(axes: Axes, points: Iterable[tuple[float, float, str]], size: float = 7) -> None:
    """Write each point's name where it covers nothing; of points at one place the names make a stack.

    Args:
        axes: With their points drawn, whose layout and limits stay.
        points: x, y and name.
        size: Of the letters, in points.

    Example:
        >>> from matplotlib.figure import Figure
        >>> axes = Figure().add_subplot()
        >>> _ = axes.plot([0, 1], [0, 0], "o")
        >>> label(axes, [(0, 0, "relu"), (0, 0, "prelu"), (1, 0, "tanh")])
        >>> [text.get_text() for text in axes.texts], len({text.xyann for text in axes.texts[:2]})
        (['relu', 'prelu', 'tanh'], 2)
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    points = list(points)
    places = axes.transData.transform([point[:2] for point in points])
    taken = [Bbox([place - _MARK, place + _MARK]) for place in places]
    for x, y, name in points:
        text = axes.annotate(name, (x, y), fontsize=size, xytext=(4, 3), textcoords="offset points")
        for up, side in _PLACES:
            text.xyann = side, up
            text.set_horizontalalignment("left" if side > 0 else "right")
            box = text.get_window_extent(canvas.get_renderer())
            inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 and box.y1 <= axes.bbox.y1
            if inside and box.y0 >= axes.bbox.y0 and not any(box.overlaps(each) for each in taken):
                break
        taken.append(box)
