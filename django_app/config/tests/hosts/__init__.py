"""Whole projects that are not ours, into which the wheel is installed: docs/install.md is followed
in them to the letter. The folders beside this file are laid over what `startproject` makes.
"""
