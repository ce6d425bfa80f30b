"""The errors a user may see: one base, a subclass where a caller would act differently.

A message is one sentence that says what, where and what to do next; ``code`` is stable and documented in
docs/errors.md. Drawn first, so that the tree is seen at once::

    WenbaoError
    ├── UsageError       exit 2   HTTP 400   a command, option or setting is wrong
    ├── QuestionError    exit 2   HTTP 422   a question can't be asked as it is
    ├── NotFoundError    exit 2   HTTP 404   nothing has that name or id
    ├── AccessError      exit 2   HTTP 401   who asks isn't known
    │   └── ForbiddenError        HTTP 403   who asks is known and may not
    ├── InputError       exit 3   HTTP 422   a file or row can't be used (the others are)
    ├── ModelError       exit 4   HTTP 503   the embedding model can't be used
    ├── StoreError       exit 5   HTTP 503   the data folder, its lock or its disk
    └── NetworkError     exit 6   HTTP 502   something beyond this machine didn't answer
        └── EngineError           HTTP 503   the engine that holds the indexes can't be used now
"""

from __future__ import annotations

from typing import ClassVar


class WenbaoError(Exception):
    """``code`` is stable; ``str(error)`` is the sentence for people; ``field`` names the bad setting or JSON field."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field

    def __reduce__(self) -> tuple[type[WenbaoError], tuple[str, str, str | None]]:
        """For other processes of this machine; an exception's own gives the message alone."""
        return type(self), (self.code, self.message, self.field)


class UsageError(WenbaoError):
    """A command, option or setting is wrong."""

    exit_code = 2
    http_status = 400


class QuestionError(WenbaoError):
    """A question can't be asked as it is."""

    exit_code = 2
    http_status = 422


class NotFoundError(WenbaoError):
    """Nothing has that name or id."""

    exit_code = 2
    http_status = 404


class AccessError(WenbaoError):
    """Who asks isn't known: no key or token, or none of ours."""

    exit_code = 2
    http_status = 401


class ForbiddenError(AccessError):
    """Who asks is known and may not do this, or not from there."""

    http_status = 403


class InputError(WenbaoError):
    """A file or row can't be used; the others are."""

    exit_code = 3
    http_status = 422


class ModelError(WenbaoError):
    """The embedding model can't be used."""

    exit_code = 4
    http_status = 503


class StoreError(WenbaoError):
    """The data folder, its lock or its disk."""

    exit_code = 5
    http_status = 503


class NetworkError(WenbaoError):
    """Something beyond this machine didn't answer."""

    exit_code = 6
    http_status = 502


class EngineError(NetworkError):
    """The engine that holds the indexes can't be used now, or not as it is."""

    http_status = 503
