import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_transfer.experiment.treatments import LayerTreatment, Treatment, expand, parse, parse_kind, pattern

frozen_or_not = st.one_of(
    st.builds(Treatment, st.sampled_from("AB")),
    st.builds(Treatment, st.sampled_from("AB"), st.sampled_from("ABR"), st.integers(1, 99)),
    st.builds(Treatment, st.sampled_from("AB"), st.sampled_from("AB"), st.integers(1, 99), fine_tuned=st.just(True)),
    st.builds(Treatment, st.sampled_from("AB"), st.sampled_from("AB"), st.integers(1, 99), preserve=st.integers(1, 9)),
)


@given(frozen_or_not)
def test_names_are_read_as_they_are_written(treatment):
    assert parse(treatment.name) == treatment


@pytest.mark.parametrize(
    "name, kind, num_frozen",
    [
        ("baseB", "base", 0),
        ("baseA", "base", 0),
        ("B3B", "selffer", 3),
        ("A3A", "selffer", 3),
        ("B3B+", "selffer+", 0),
        ("A3B", "transfer", 3),
        ("B3A", "transfer", 3),
        ("A3B+", "transfer+", 0),
        ("R3B", "random", 3),
        ("A3B-preserve2", "transfer-preserve2", 3),
        ("B12B-preserve1", "selffer-preserve1", 12),
    ],
)
def test_what_a_name_means(name, kind, num_frozen):
    treatment = parse(name)
    assert (treatment.name, str(treatment.kind), treatment.num_frozen) == (name, kind, num_frozen)


@given(frozen_or_not)
def test_kinds_are_read_as_they_are_written(treatment):
    assert parse_kind(str(treatment.kind)) == treatment.kind


@pytest.mark.parametrize("kind", ["", "transfers", "transfer-preserve", "transfer-preserve0", "Base", "A3B"])
def test_what_is_no_kind(kind):
    with pytest.raises(ValueError, match=f"unknown kind of treatment {kind!r}: expected one of"):
        parse_kind(kind)


@pytest.mark.parametrize(
    "kind, with_n_left_open",
    [
        ("base", "baseB"),
        ("selffer", "BnB"),
        ("selffer+", "BnB+"),
        ("transfer", "AnB"),
        ("transfer+", "AnB+"),
        ("random", "RnB"),
        ("transfer-preserve1", "AnB-preserve1"),
    ],
)
def test_names_of_kinds_with_n_left_open(kind, with_n_left_open):
    assert pattern(kind) == with_n_left_open


def spelled_out(name, num_layers):
    return [layer.origin + ("" if layer.learns else "*") for layer in parse(name).layers(num_layers)]


def test_layers_say_where_weights_come_from_and_whether_they_learn():
    # A star marks a layer that is frozen.
    assert spelled_out("baseB", 5) == ["new", "new", "new", "new", "new"]
    assert spelled_out("B2B", 5) == ["B*", "B*", "new", "new", "new"]
    assert spelled_out("A2B", 5) == ["A*", "A*", "new", "new", "new"]
    assert spelled_out("A2B+", 5) == ["A", "A", "new", "new", "new"]
    assert spelled_out("R4B", 5) == ["R*", "R*", "R*", "R*", "new"]
    assert spelled_out("A2B-preserve1", 5) == ["A*", "A*", "A", "new", "new"]
    assert parse("A1B").layers(2) == (LayerTreatment("A", learns=False), LayerTreatment("new", learns=True))


@pytest.mark.parametrize("name, allowed", [("A5B", "1..4"), ("A5B+", "1..4"), ("A3B-preserve2", "1..2")])
def test_the_classifier_is_never_copied(name, allowed):
    with pytest.raises(ValueError, match=f"n must lie in {allowed} for a network of 5 layers, got n = {name[1]}"):
        parse(name).layers(5)


@pytest.mark.parametrize("name", ["", "B3", "b3B", "A0B", "A03B", "AnB", "C3B", "A3C", "A3B++", "A3B-preserve0"])
def test_unknown_names(name):
    with pytest.raises(ValueError, match=f"unknown treatment '{name.replace('+', '[+]')}': expected baseA, baseB, or"):
        parse(name)


@pytest.mark.parametrize(
    "pattern, for_b, for_a",
    [
        ("BnB", "B3B", "A3A"),
        ("BnB+", "B3B+", "A3A+"),
        ("AnB", "A3B", "B3A"),
        ("AnB+", "A3B+", "B3A+"),
        ("RnB", "R3B", "R3A"),
        ("AnB-preserve1", "A3B-preserve1", "B3A-preserve1"),
        ("BnB-preserve2", "B3B-preserve2", "A3A-preserve2"),
    ],
)
def test_in_a_pattern_b_is_the_target_and_a_the_other_task(pattern, for_b, for_a):
    assert expand(pattern, target="B", n=3).name == for_b
    assert expand(pattern, target="A", n=3).name == for_a


@pytest.mark.parametrize("pattern", ["XnB", "AnA", "A3B", "baseB", "AnB-preserve", ""])
def test_unknown_patterns(pattern):
    with pytest.raises(ValueError, match=f"unknown treatment '{pattern}': expected some of BnB, .* AnB-preserve1"):
        expand(pattern, target="B", n=3)


def test_treatments_that_make_no_sense():
    with pytest.raises(ValueError, match="R3B[+]: random layers that learn are a network .*; use baseB"):
        parse("R3B+")
    with pytest.raises(ValueError, match="R3B-preserve1: random layers that learn"):
        expand("RnB-preserve1", "B", 3)
    with pytest.raises(ValueError, match="already lets every copied layer learn; drop '-preserve' or '[+]'"):
        parse("A3B+-preserve1")
    with pytest.raises(ValueError, match="copies n >= 1 layers from a source, or none"):
        Treatment("B", source="A", n=0)
    with pytest.raises(ValueError, match="copies n >= 1 layers from a source, or none"):
        Treatment("B", n=3)
