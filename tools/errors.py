"""The one error a command shows to its user."""


class CommandError(Exception):
    """Bad input or a condition the user can mend; its text is the one line they see."""
