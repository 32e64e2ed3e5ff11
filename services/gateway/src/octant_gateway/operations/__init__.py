"""The public operations, one module per group; each ends with its part of the catalogue."""
