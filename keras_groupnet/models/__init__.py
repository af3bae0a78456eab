"""The zoo: every model with every method, as a Group-Net by default.

`summary` is that of the package, which Larq has among its models.
"""

from keras_groupnet.deployment.summary import summary as summary
from keras_groupnet.models.alexnet import AlexNet
from keras_groupnet.models.resnet import ResNet, ResNet18, ResNet34, ResNet50, WideResNet
from keras_groupnet.models.vgg_small import VGGSmall

__all__ = ["AlexNet", "ResNet", "ResNet18", "ResNet34", "ResNet50", "VGGSmall", "WideResNet"]
