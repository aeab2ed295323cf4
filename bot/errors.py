"""Every error Nod raises on purpose, and the sentence a person reads for each.

BotError                      root; carries `user_message`
├── ConfigError               a setting is missing or unusable (`key`, never its value)
│   └── InUse                 another process of Nod owns the data folder
├── ModelError                the model could not answer (also a RuntimeError; `label`)
│   ├── ModelConfigError      the model's configuration is unusable
│   ├── ModelUnavailable      unreachable, overloaded or timed out: trying later may help
│   ├── ModelRejected         the endpoint refused the request: trying again will not help
│   └── ModelGarbled          the endpoint answered something that is not a completion
├── ToolError                 a tool says what went wrong; the text goes to the model
├── CheckpointError           a stored run cannot be read
├── StoreError                the database refused or is unusable
│   ├── StoreBusy             it refuses for now: locked, full, an I/O error
│   ├── StaleRun              somebody else moved this run first; reload it
│   └── Taken                 a row with this key is there already
├── SendError                 the platform did not take what was sent: trying later may help
│   └── PlaceGone             the place is gone, or the bot was removed from it: trying again will not help
├── PolicyError               something said about the policy cannot be taken
│   └── PolicyMoved           somebody else changed the same thing at the same moment
└── Refused                   a person asked for something they may not have, or too late
"""

from __future__ import annotations


class BotError(Exception):
    """Root of all errors raised on purpose.

    `user_message` is one sentence that can be shown to anybody: no key, no traceback, no internal id.
    """

    def __init__(self, user_message: str) -> None:
        super().__init__(user_message)
        self.user_message = user_message


class ConfigError(BotError):
    """A setting is missing or unusable. `key` names it; its value is never part of the message."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}")
        self.key = key


class InUse(ConfigError):
    """Another process of Nod owns the data folder or the database."""


class ModelError(BotError, RuntimeError):
    """The model could not answer. `label` names it in the operator's words."""

    def __init__(self, label: str, user_message: str) -> None:
        super().__init__(user_message)
        self.label = label


class ModelConfigError(ModelError):
    """The model's configuration is unusable, for example without `api_url`."""


class ModelUnavailable(ModelError):
    """Unreachable, overloaded or timed out. `retry_after_s` is the endpoint's own wish in seconds, if it said one;
    `status` the HTTP status, if there was one."""

    def __init__(
        self, label: str, user_message: str, *, retry_after_s: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(label, user_message)
        self.retry_after_s = retry_after_s
        self.status = status


class ModelRejected(ModelError):
    """The endpoint refused the request (key, quota, model name, parameters). `status` is the HTTP status."""

    def __init__(self, label: str, user_message: str, *, status: int | None = None) -> None:
        super().__init__(label, user_message)
        self.status = status


class ConversationTooLong(ModelRejected):
    """The context does not fit the model's window; with fewer or shorter messages it might. `window_tokens` is the
    window, where it is known."""

    def __init__(
        self, label: str, user_message: str, *, status: int | None = None, window_tokens: int | None = None
    ) -> None:
        super().__init__(label, user_message, status=status)
        self.window_tokens = window_tokens


class ModelFiltered(ModelRejected):
    """The provider's content filter objected: to what was asked, not to how."""


class ModelGarbled(ModelError):
    """The endpoint answered with something that is not a completion."""


class ToolError(BotError):
    """Raised by a tool whose work failed in a way it can explain; the text is given to the model."""


class CheckpointError(BotError):
    """A stored run cannot be read: damaged, or written by a newer version."""


class StoreError(BotError):
    """The database refused, or cannot be used."""


class StoreBusy(StoreError):
    """The database refuses for now: locked, full, an I/O error. Nothing was written; trying later may help."""


class StaleRun(StoreError):
    """Somebody else moved this run first. Nothing was written; reload it."""


class Taken(StoreError):
    """A row with this key is there already. Nothing was written."""


class SendError(BotError):
    """The platform did not take what was sent. `retry_after_s` is its own wish in seconds, if it said one."""

    def __init__(self, user_message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(user_message)
        self.retry_after_s = retry_after_s


class PlaceGone(SendError):
    """The place does not exist any more, or the bot may not write there: trying again will not help."""


class PolicyError(BotError):
    """Something said about the policy cannot be taken: nothing was changed. The sentence says why, and what would."""


class PolicyMoved(PolicyError):
    """Somebody else changed the same thing at the same moment: nothing was changed."""


class Refused(BotError):
    """A person asked for something they may not have, or came too late.

    `code` is one of `not_allowed`, `empty`, `too_long`, `not_readable`. `is_repeated`: this person was told a short
    while ago, so a place where everybody reads along needs no second word.
    """

    def __init__(self, code: str, user_message: str, *, is_repeated: bool = False) -> None:
        super().__init__(user_message)
        self.code = code
        self.is_repeated = is_repeated
