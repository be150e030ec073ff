"""What is no part of any contract."""

NUMBER = 7
