"""Test cases for failures and the state that must follow. Names of tests are failures."""
