"""The base class of errors that whoever typed a command can do something about."""


class UserFacingError(RuntimeError):
    """Shown by the command line without a stack trace: the message says what is wrong, where, and what to do."""
