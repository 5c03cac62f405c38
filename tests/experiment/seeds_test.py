from hypothesis import given
from hypothesis import strategies as st

from tf_transfer.experiment.seeds import derive_seed


@given(st.lists(st.one_of(st.text("B3+-"), st.integers())))
def test_a_seed_fits_31_bits(parts):
    assert 0 <= derive_seed(*parts) < 2**31


def test_seeds_stay_what_they_are():
    # Pinned: results on disk were made with them.
    assert derive_seed("init", "random-0", 0, "B3B", 4) == 370491371


def test_every_part_counts():
    seeds = [derive_seed(*parts) for parts in [("a", "b"), ("ab",), ("a", "b", 0), ("b", "a"), ("a", 1), ("a", 2), ()]]
    assert len(set(seeds)) == len(seeds)
