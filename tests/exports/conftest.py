"""What the tests of exports share: the images that the trained networks of task B were tested on."""

import pytest

from tf_transfer.data.image_store import ImageStore
from tf_transfer.experiment.plan import make_plan
from tf_transfer.experiment.tasks import Task


@pytest.fixture(scope="session")
def task_b(experiment) -> Task:
    plan = make_plan(experiment)
    return plan.task(plan.runs[0], "B")


@pytest.fixture(scope="session")
def pixels(task_b):
    """The test images of task B as uint8 [12, 32, 32, 3], just as the store holds them."""
    images = ImageStore(task_b.store)
    return images.read("test", images.indices("test", task_b.classes))
