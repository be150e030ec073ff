"""Imports a package that does not exist."""

import no_such_package  # noqa: F401
