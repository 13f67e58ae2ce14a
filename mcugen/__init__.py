"""mcugen: neural networks as readable C for microcontrollers, equal to the TFLite reference."""

__version__ = "0.1.0"
