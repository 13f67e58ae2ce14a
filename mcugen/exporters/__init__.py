"""Writers of model file formats."""
