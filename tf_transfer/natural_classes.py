"""Which classes of well-known small data sets, and of the embedded one, are natural things, and which are man-made."""

from __future__ import annotations

from tf_transfer.sources import drawing

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
