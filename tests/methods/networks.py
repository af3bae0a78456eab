"""The smallest nets in which a method shows all it has."""

from keras_groupnet import methods, models

SHAPE = (8, 8, 1)
CLASSES = 10


def method(name):
    """The method of a name; Group-Net with two bases, for time."""
    return methods.GroupNet(bases=2) if name == "group_net" else methods.get(name)


def tiny(chosen, **options):
    """Two blocks, the second of which changes the shape."""
    options = {"blocks": (1, 1), "filters": (8, 16)} | options
    return models.ResNet(SHAPE, CLASSES, method=chosen, stem="cifar", **options)
