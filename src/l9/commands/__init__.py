"""Pure builders of argument vectors, and parsers of what programs print for machines."""
