"""What a command does, as Python functions without a console."""
