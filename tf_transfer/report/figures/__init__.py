"""The figures of a report, one module each; `FIGURES` are all of them, in the order of the page."""

from tf_transfer.report.figures import (
    class_accuracies,
    confusion,
    effects,
    figure2,
    figure3,
    filters,
    learning_curves,
    preserve,
    reduced_volume,
    surest_mistakes,
)
from tf_transfer.report.figures.report_figure import ReportFigure

FIGURES: tuple[ReportFigure, ...] = (
    figure2.FIGURE,
    figure2.FIGURE_WITH_PUBLISHED,
    effects.STACKED,
    effects.EACH,
    learning_curves.FIGURE,
    figure3.FIGURE,
    figure3.FIGURE_WITH_PUBLISHED,
    reduced_volume.FIGURE,
    reduced_volume.FIGURE_WITH_PUBLISHED,
    preserve.FIGURE,
    filters.FIGURE,
    class_accuracies.FIGURE,
    confusion.FIGURE,
    surest_mistakes.FIGURE,
)
