"""Shapes of the fund's resources, a module for each."""
