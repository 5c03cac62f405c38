"""The scores that the paper's authors published with it, as a table in the form of `results.csv`.

Source: Yosinski, Clune, Bengio, Lipson, "How transferable are features in deep neural networks?", NIPS 2014,
arXiv 1411.1792. ILSVRC2012, CaffeNet, mean top-1 accuracy of the ten best of 450 tests.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PATH = pathlib.Path(__file__).with_name("published_results.csv")
SOURCE = (
    "ILSVRC2012, CaffeNet, 450,000 steps per network: the 148 scores that the paper's authors published with it; mean "
    "top-1 accuracy of the ten best of 450 tests."
)
_TEST_IMAGES_PER_CLASS = 50
METRIC = "top1_mean_best10"  # the one accuracy that was published


def read_table() -> pd.DataFrame:
    """Reads the published scores.

    In the split `random-S`, A and B are the random halves of seed S. In `natural-man-made`, A is the 449 natural and B
    the 551 man-made classes. In `all`, B is all 1000 classes: a base, random filters, and, where `images_per_class` is
    not 0, bases trained on only the first so many images of each class (1300 are all of them).

    Returns:
      148 rows with the columns of `results.csv` that apply: `run`, `treatment`, `kind`, `split`, `source`, `target`,
      `n`, `images_per_class`, `seed`, `steps`, `top1_mean_best10` (in [0, 1]), `num_classes`, `status`. How many images
      they were tested on, and chance, follow from the number of classes: ILSVRC2012 has 50 validation images of each.
    """
    import pandas as pd

    table = pd.read_csv(PATH, comment="#")
    after = list(table).index("num_classes") + 1
    table.insert(after, "num_test_images", _TEST_IMAGES_PER_CLASS * table["num_classes"])
    table.insert(after + 1, "chance", 1 / table["num_classes"])
    return table
