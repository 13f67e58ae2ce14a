"""Running firmware: on the host, in QEMU, later on a board."""
