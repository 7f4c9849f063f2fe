"""The L9 reference backend."""
