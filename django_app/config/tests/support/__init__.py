"""Helpers of the tests of starting the program."""
