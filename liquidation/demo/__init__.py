"""The demo: an invented cascade played through the REST API of a real server, and the report on what the books say."""
