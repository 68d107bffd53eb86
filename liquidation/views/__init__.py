"""The engine's resources, a module for each."""
