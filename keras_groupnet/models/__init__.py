"""The zoo: ResNets, AlexNet and VGG with every method, as a Group-Net by default; today's nets.

`summary` is that of the package, which Larq has among its models.
"""

from keras_groupnet.deployment.summary import summary as summary
from keras_groupnet.models.alexnet import AlexNet
from keras_groupnet.models.binary_densenet import (
    BinaryDenseNet,
    BinaryDenseNet28,
    BinaryDenseNet37,
    BinaryDenseNet37Dilated,
    BinaryDenseNet45,
)
from keras_groupnet.models.binary_resnet_e import BinaryResNetE18
from keras_groupnet.models.deeplab import DeepLabV3
from keras_groupnet.models.meliusnet import MeliusNet, MeliusNet22
from keras_groupnet.models.quicknet import QuickNet, QuickNetLarge, QuickNetSmall
from keras_groupnet.models.react_net import ReActNet18, ReActNetA
from keras_groupnet.models.real_to_binary import RealToBinaryNet
from keras_groupnet.models.resnet import ResNet, ResNet18, ResNet34, ResNet50, WideResNet
from keras_groupnet.models.vgg_small import VGGSmall

__all__ = [
    "AlexNet",
    "BinaryDenseNet",
    "BinaryDenseNet28",
    "BinaryDenseNet37",
    "BinaryDenseNet37Dilated",
    "BinaryDenseNet45",
    "BinaryResNetE18",
    "DeepLabV3",
    "MeliusNet",
    "MeliusNet22",
    "QuickNet",
    "QuickNetLarge",
    "QuickNetSmall",
    "ReActNet18",
    "ReActNetA",
    "RealToBinaryNet",
    "ResNet",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "VGGSmall",
    "WideResNet",
]
