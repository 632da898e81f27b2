"""The base of what goes wrong here for reasons that a user can do something about."""


class LocalError(RuntimeError):
    """Printed without a stack trace: the message says what, where and what to do."""
