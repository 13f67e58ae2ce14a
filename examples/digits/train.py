"""Train the digits classifier of the demo and write the files that lie beside this script.

    pip install "mcugen[keras]" scikit-learn
    python train.py

Writes digits.keras, digits_float32.tflite, digits_int8.tflite and digits_test.npz. The seed and
the split are fixed, so that training again gives the same test set and, on the same machine, the
same weights.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
SEED = 7
TEST_IMAGES = 300
CALIBRATION_IMAGES = 200
NOTICE = """Test images and labels from "Optical Recognition of Handwritten Digits" by E. Alpaydin
and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0, https://doi.org/10.24432/C50P49.
Changes: 300 of 1,797 images, pixels divided by 16.
"""

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


def split() -> tuple[Images, Labels, Images, Labels]:
    """Training images and labels, test images and labels; pixels in [0, 1], NHWC."""
    digits = load_digits()
    x = (digits.images / 16).astype(np.float32)[..., np.newaxis]
    y = digits.target.astype(np.int64)
    order = np.random.default_rng(SEED).permutation(len(x))
    test, train = order[:TEST_IMAGES], order[TEST_IMAGES:]
    return x[train], y[train], x[test], y[test]


def build() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )


def train(model: keras.Model, x: Images, y: Labels) -> None:
    """Fit with small shifts and turns, so that the model does not learn the images by heart."""
    augment = keras.Sequential(
        [
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant", seed=SEED),
            keras.layers.RandomRotation(0.04, fill_mode="constant", seed=SEED),
        ]
    )
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=SEED).batch(32)
    data = data.map(lambda images, labels: (augment(images, training=True), labels))
    decay = keras.optimizers.schedules.CosineDecay(3e-3, decay_steps=80 * len(data))
    model.compile(
        keras.optimizers.Adam(decay),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(data, epochs=80, verbose=0)


def convert(model: keras.Model, calibration: Images | None) -> bytes:
    """Make a float .tflite, or an int8 one where there are images to calibrate with."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if calibration is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[np.newaxis]] for image in calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    content: bytes = converter.convert()
    return content


def save_test_set(path: Path, x: Images, y: Labels) -> None:
    np.savez_compressed(path, x=x, y=y.astype(np.uint8))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = NOTICE.encode()


def main() -> None:
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    x, y, test_x, test_y = split()
    model = build()
    train(model, x, y)
    print(f"test accuracy {model.evaluate(test_x, test_y, verbose=0)[1]:.4f}")
    without_optimizer = build()
    without_optimizer.set_weights(model.get_weights())
    without_optimizer.save(HERE / "digits.keras")
    (HERE / "digits_float32.tflite").write_bytes(convert(model, None))
    (HERE / "digits_int8.tflite").write_bytes(convert(model, x[:CALIBRATION_IMAGES]))
    save_test_set(HERE / "digits_test.npz", test_x, test_y)


if __name__ == "__main__":
    main()
