"""The plot of `docs/performance.md`: ingest, handling, and time an event by backlog. Same figures, same file."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.results import CONNECTIONS, RINGBACK, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OURS: Final = "#0b6e69"
_THEIRS: Final = "#b8bfc6"
_STYLE: Final = Path(__file__).with_suffix(".mplstyle")


def plot(results: Results, path: Path) -> None:
    """Draw the medians."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    with mpl.rc_context(fname=_STYLE):
        figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(11, 2.9), layout="constrained")
        taken = [(one.name, one.median.requests_per_second) for one in results.ingest if one.connections == CONNECTIONS]
        _bars(left, f"callbacks taken a second, {CONNECTIONS} connections", taken)
        handled = [(one.name, one.median_per_second) for one in results.handling]
        _bars(middle, "events handled a second", handled)
        right.set_title("µs an event, by backlog")
        sizes = [one.events for one in results.backlog]
        times = [1e6 / one.median_per_second for one in results.backlog]
        right.plot(sizes, times, marker="o", color=_OURS)
        right.set_xscale("log")
        right.set_xticks(sizes, [f"{size:,}" for size in sizes])
        right.minorticks_off()
        right.set_ylim(0, 1.3 * max(times, default=1.0))
        figure.savefig(path, metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    # matplotlib leaves spaces at the ends of lines.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def _bars(axes: "Axes", title: str, values: list[tuple[str, float]]) -> None:
    axes.set_title(title)
    names = [name for name, _ in values]
    bars = axes.barh(
        names, [value for _, value in values], color=[_OURS if name == RINGBACK else _THEIRS for name in names]
    )
    axes.bar_label(bars, labels=[f"{value:,.0f}" for _, value in values], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
