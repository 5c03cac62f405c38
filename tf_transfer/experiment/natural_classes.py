"""Which classes of well-known data sets, and of the embedded one, are natural things, and which are man-made."""

from __future__ import annotations

import re

from tf_transfer.data.sources import drawing

_CIFAR10_NATURAL = "bird cat deer dog frog horse"
_CIFAR10_MAN_MADE = "airplane automobile ship truck"

_CIFAR100_NATURAL = """
apple aquarium_fish baby bear beaver bee beetle boy butterfly camel caterpillar cattle chimpanzee cloud cockroach crab
crocodile dinosaur dolphin elephant flatfish forest fox girl hamster kangaroo leopard lion lizard lobster man maple_tree
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pine_tree plain poppy porcupine possum rabbit
raccoon ray rose sea seal shark shrew skunk snail snake spider squirrel sunflower sweet_pepper tiger trout tulip turtle
whale willow_tree wolf woman worm
"""
_CIFAR100_MAN_MADE = """
bed bicycle bottle bowl bridge bus can castle chair clock couch cup house keyboard lamp lawn_mower motorcycle
pickup_truck plate road rocket skyscraper streetcar table tank telephone television tractor train wardrobe
"""

NATURAL = frozenset((_CIFAR10_NATURAL + _CIFAR100_NATURAL).split()) | drawing.NATURAL
MAN_MADE = frozenset((_CIFAR10_MAN_MADE + _CIFAR100_MAN_MADE).split()) | drawing.MAN_MADE

# The paper's natural classes of ILSVRC2012 are the 0th to 397th, 936th to 958th, 970th and 972nd to 998th of its
# WordNet ids in order: animals; vegetables and fruits; an alp; and landscapes, people, flowers and mushrooms. WordNet
# numbers things of one sort in a row, so that ids between two of these, or between two artefacts (the 398th to 915th),
# are of that sort too. The other man-made classes are signs and dishes, a bubble and toilet tissue, whose neighbours
# may be anything.
_WORDNET_ID = re.compile(r"n(\d{8})(?!\d)")
_WORDNET_NATURAL = ((1440764, 2655020), (7714571, 7802026), (9193705, 9193705), (9246464, 13133613))
_WORDNET_ARTEFACTS = ((2666196, 4613696),)
_OTHER_MAN_MADE = """
6359193 6596364 6785654 6794110 6874185 7248320 7565083 7579787 7583066 7584110 7590611 7613480 7614500 7615774 7684084
7693725 7695742 7697313 7697537 7711569 7831146 7836838 7860988 7871810 7873807 7875152 7880968 7892512 7920052 7930864
7932039 9229709 15075141
"""
_WORDNET_MAN_MADE = frozenset(map(int, _OTHER_MAN_MADE.split()))


def is_natural(name: str) -> bool | None:
    """Says whether a class is natural (True) or man-made (False); None if that is not known.

    Args:
      name: Its name, or its WordNet id, alone (`n01440764`) or in front of a name (`n01440764_tench`).
    """
    if match := _WORDNET_ID.match(name):
        number = int(match[1])
        if _lies_in(number, _WORDNET_NATURAL):
            return True
        return False if number in _WORDNET_MAN_MADE or _lies_in(number, _WORDNET_ARTEFACTS) else None
    return True if name in NATURAL else False if name in MAN_MADE else None


def _lies_in(number: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= number <= last for first, last in ranges)
