"""One browser for all tests that need one."""

from views import modes  # noqa: F401
