"""Ends the program that imports it."""

import sys

sys.exit("this package needs a licence")
