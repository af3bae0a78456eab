import numpy as np

from keras_groupnet import datasets

IMAGES = np.random.default_rng(0).uniform(1, 2, (64, 6, 5, 3)).astype(np.float32)


def test_every_image_is_a_crop_of_the_padded_one():
    augmented = datasets.CropAndFlip(padding=2)(IMAGES, np.random.default_rng(1))
    assert augmented.shape == IMAGES.shape and augmented.dtype == np.float32
    padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2), (0, 0)))
    found = set()
    for image, source in zip(augmented, padded, strict=True):
        matches = [
            (top, left, flip)
            for top in range(5)
            for left in range(5)
            for flip in (1, -1)
            if (source[top : top + 6, left : left + 5][:, ::flip] == image).all()
        ]
        assert len(matches) == 1
        found.add(matches[0])
    assert len({flip for _, _, flip in found}) == 2
    assert {top for top, _, _ in found} == {left for _, left, _ in found} == set(range(5))


def test_without_flip_and_padding_nothing_changes():
    augment = datasets.CropAndFlip(padding=0, flip=False)
    np.testing.assert_array_equal(augment(IMAGES, np.random.default_rng(0)), IMAGES)


def test_batches_draw_anew_each_epoch():
    batches = datasets.Batches(IMAGES, np.arange(64), 64, datasets.CropAndFlip(), shuffle=False)
    first, again = batches[0][0], batches[0][0]
    batches.on_epoch_end()
    np.testing.assert_array_equal(first, again)
    assert (batches[0][0] != first).any()
