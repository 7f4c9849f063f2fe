"""`make bench`: how fast l9 is, beside what people would do without it. Figures, not tests: no timing fails."""
