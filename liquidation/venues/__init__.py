"""The public figures in the shapes that venues publish theirs in, so that a program that reads theirs reads ours.

Each module makes one venue's documents from its own parameters. What a shape asks for and the book does not know is as
that venue leaves it out: "" in a text. Sources: docs/api.md, venues' shapes.
"""
