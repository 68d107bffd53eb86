"""The fund's resources, a module for each."""
