"""The zoo: every model as a Group-Net, and with `bases=None` as its full-precision parent."""

from keras_groupnet.models.alexnet import AlexNet
from keras_groupnet.models.resnet import ResNet, ResNet18, ResNet34, ResNet50

__all__ = ["AlexNet", "ResNet", "ResNet18", "ResNet34", "ResNet50"]
