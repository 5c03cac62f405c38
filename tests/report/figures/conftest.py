import pandas as pd
import pytest

from tf_transfer.analysis import effects
from tf_transfer.report.figures.report_figure import FigureData


@pytest.fixture(scope="session")
def figure_data():
    """Returns a function that gives the figures a table, such as `figure_data(table, published=...)`."""

    def make(table, metric="top1_last", estimated=None, **others):
        estimated = pd.DataFrame(columns=effects.COLUMNS) if estimated is None else estimated
        return FigureData(table=table, metric=metric, effects=estimated, **others)

    return make
