"""The zoo: every model with every method, as a Group-Net by default."""

from keras_groupnet.models.alexnet import AlexNet
from keras_groupnet.models.resnet import ResNet, ResNet18, ResNet34, ResNet50, WideResNet
from keras_groupnet.models.vgg_small import VGGSmall

__all__ = ["AlexNet", "ResNet", "ResNet18", "ResNet34", "ResNet50", "VGGSmall", "WideResNet"]
