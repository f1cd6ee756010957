"""What can go wrong with what the operator asked for. The messages are for him, without a trace of the program."""


class DirectoryError(Exception):
    """Something that cannot be in the directory."""


class ControlError(Exception):
    """A service cannot be asked, or cannot do what was asked."""
