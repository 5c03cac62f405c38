import numpy as np
import pytest
import tensorflow as tf

from tf_transfer.training.augmentation import reusable_array


def test_memory_is_used_again_once_nobody_holds_it():
    shape = (3, 41, 7)
    first = reusable_array(shape, np.uint8)
    address = first.ctypes.data
    second = reusable_array(shape, np.uint8)
    assert (second.shape, second.dtype) == (shape, np.uint8) and second.ctypes.data != address
    del first
    assert reusable_array(shape, np.uint8).ctypes.data == address
    assert address % 64 == second.ctypes.data % 64 == 0


@pytest.mark.parametrize("hold", [
    lambda array: array[1:], lambda array: array.reshape(-1)[::-2], lambda array: array.view(np.int8).T, tf.constant,
    lambda array: tf.numpy_function(lambda: array, [], tf.uint8), lambda array: memoryview(array),
])  # fmt: skip
def test_whatever_is_made_of_an_array_keeps_its_memory(hold):
    array = reusable_array((5, 64), np.uint8)
    array[:] = 1
    held = hold(array)
    del array
    for _ in range(3):
        reusable_array((5, 64), np.uint8)[:] = 2
    assert np.unique(np.asarray(held)).tolist() == [1]
