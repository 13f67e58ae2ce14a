"""Float graph in, int8 graph out: calibrate, choose scales, adjust weights, apply."""
