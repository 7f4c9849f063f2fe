"""What can go wrong, and what then must be so. Names of tests are failures."""
