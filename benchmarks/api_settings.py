"""The service's settings, with the benchmark's own addresses beside the service's."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.api_urls"
