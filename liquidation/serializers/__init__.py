"""Shapes of the engine's resources, a module for each."""
