"""The ways a request can be turned away or end without a result; everything else is a failure of ours."""


class RequestError(ValueError):
    """The request, or the data it names, is wrong: exit status 2; the message is one line for whoever typed it."""


class GateError(RuntimeError):
    """A gate said no: a challenger lost, data or an artifact are not what they were: exit status 3."""


class FetchError(RuntimeError):
    """What was asked of the network could not be had: exit status 1; the message is one line."""


class FullDiskError(RuntimeError):
    """There is no room for what was to be written: exit status 1; the message is one line, and nothing half is left."""


class BusyError(GateError):
    """Somebody else is at the same work: a no for now, which a scheduler tries again."""
