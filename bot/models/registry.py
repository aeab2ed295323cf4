"""Which models there are: one `ModelConfig` each, from `models.toml`, the MODEL_* settings or a mapping.

Knows no SDK and no network; keys come from the environment and never appear in a message or a repr.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from bot.errors import ConfigError, ModelConfigError
from bot.models.hosts import Host, base_url, find_host

FILE = "models.toml"
DEFAULT_LABEL = "default"
DEFAULT_TIMEOUT_S = 120.0
NO_KEY = "none"

_OURS = frozenset({"model", "messages", "tools", "tool_choice", "stream", "stream_options", "n"})
_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model: where it is, what it is called there, what it may do.

    `tools` is True (all), False (none, nor a note about them) or the names it may have. `sampling` goes into every
    request as it is. `context_k` is the window in thousands of tokens, None when unknown; `history_messages` None = the
    setting's.
    """

    label: str
    api_url: str
    model_name: str
    api_key: str = field(default=NO_KEY, repr=False)
    host_type: str = "openwebui"
    context_k: float | None = None
    max_rounds: int | None = None
    tools: bool | tuple[str, ...] = True
    sampling: Mapping[str, object] = field(default_factory=lambda: _NOTHING, hash=False)
    timeout_s: float = DEFAULT_TIMEOUT_S
    history_messages: int | None = None

    @property
    def host(self) -> Host:
        return find_host(self.host_type)

    @property
    def window_tokens(self) -> int | None:
        """The model's window in tokens, None when nobody knows."""
        return None if self.context_k is None else int(self.context_k * 1000)

    @property
    def narrowing(self) -> frozenset[str] | None:
        """The tools this model may have at all: None = no narrowing."""
        return None if self.tools is True else frozenset(self.tools or ())

    @property
    def base_url(self) -> str:
        """The address that `/chat/completions` is added to."""
        return base_url(self.host, self.api_url)


KEYS = tuple(one.name for one in fields(ModelConfig) if one.name != "label")


def from_mapping(
    model_cfg: Mapping[str, object], *, label: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S
) -> ModelConfig:
    """Read the mapping a script gives to `bot.run(model_cfg=...)`; `timeout_s` is for one that names none.

    Absent and None are the same; keys it does not know are left alone. Raises `ModelConfigError`, which names the label
    and never the key.
    """
    name = label or _text(model_cfg, "label") or _text(model_cfg, "model_name") or DEFAULT_LABEL
    try:
        return _read(name, {"timeout_s": timeout_s, **model_cfg})
    except ValueError as err:
        raise ModelConfigError(name, f"The model {name!r} is not configured correctly: {err}.") from err


class Registry:
    """The models of this installation, by label."""

    def __init__(self, models: Iterable[ModelConfig] = (), *, default: str | None = None) -> None:
        self._models = {model.label: model for model in models}
        self._default = default

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        settings_model: ModelConfig | None = None,
        environ: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Registry:
        """Read `models.toml` (no file = no models) beside the model of the MODEL_* settings.

        The default is what the file's `default` names, else the settings' model, else the only one there is. Raises
        `ConfigError` naming the file and the key.
        """
        document = _document(path)
        models = _models(document, os.environ if environ is None else environ, timeout_s)
        if settings_model is not None:
            models[settings_model.label] = settings_model
        return cls(models.values(), default=_default(document, models, settings_model))

    def get(self, label: str) -> ModelConfig:
        """Give the model of this label. Raises `ModelConfigError` listing the known ones."""
        if label not in self._models:
            known = ", ".join(self._models) or "none"
            raise ModelConfigError(label, f"There is no model called {label!r}. Known models: {known}.")
        return self._models[label]

    @property
    def default(self) -> ModelConfig:
        if self._default is None:
            why = "No model is configured. Set MODEL_API_URL and MODEL_NAME, or name one as `default` in models.toml."
            raise ModelConfigError(DEFAULT_LABEL, why)
        return self.get(self._default)

    def labels(self) -> tuple[str, ...]:
        return tuple(self._models)


# --- models.toml -------------------------------------------------------------------------------------------------


def _document(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(FILE, f"not readable as TOML: {err}") from err
    except OSError as err:
        raise ConfigError("MODELS_FILE", f"cannot be read: {err.strerror}") from err


def _models(document: Mapping[str, object], environ: Mapping[str, str], timeout_s: float) -> dict[str, ModelConfig]:
    _known_keys(document, ("default", "models"), where="")
    table = document.get("models", {})
    if not isinstance(table, dict):
        raise ConfigError(FILE, "models must be tables like [models.fast]")
    return {label: _row(label, row, environ, timeout_s) for label, row in table.items()}


def _row(label: str, row: object, environ: Mapping[str, str], timeout_s: float) -> ModelConfig:
    where = f"[models.{label}] "
    if not isinstance(row, dict):
        raise ConfigError(FILE, f"{where}must be a table")
    if "api_key" in row:
        raise ConfigError(FILE, f"{where}api_key: keys do not belong in this file; name a variable with api_key_env")
    _known_keys(row, (*KEYS, "api_key_env"), where=where)
    try:
        return _read(label, {"timeout_s": timeout_s, **row, "api_key": _key(row.get("api_key_env"), environ)})
    except ValueError as err:
        raise ConfigError(FILE, f"{where}{err}") from err


def _key(variable: object, environ: Mapping[str, str]) -> str | None:
    if variable is None:
        return None
    if not isinstance(variable, str) or not variable.isidentifier():
        raise ValueError("api_key_env must be the name of an environment variable")
    if not environ.get(variable):
        raise ValueError(f"api_key_env: the environment variable {variable} is not set")
    return environ[variable]


def _default(
    document: Mapping[str, object], models: Mapping[str, ModelConfig], settings_model: ModelConfig | None
) -> str | None:
    named = document.get("default")
    if named is None:
        if settings_model is not None:
            return settings_model.label
        return next(iter(models)) if len(models) == 1 else None
    if not isinstance(named, str) or named not in models:
        raise ConfigError(FILE, f"default: {named!r} is not one of the models: {', '.join(models) or 'none'}")
    return named


def _known_keys(table: Mapping[str, object], known: tuple[str, ...], *, where: str) -> None:
    for key in table:
        if key not in known:
            close = get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
            raise ConfigError(FILE, f"{where}unknown key {key!r}; {hint}")


# --- one model ---------------------------------------------------------------------------------------------------


def _read(label: str, raw: Mapping[str, object]) -> ModelConfig:
    """Check every value. Raises `ValueError` naming the key, never a value that could be a secret."""
    config = ModelConfig(
        label=label,
        api_url=_required(raw, "api_url"),
        model_name=_required(raw, "model_name"),
        api_key=_api_key(raw),
        host_type=_text(raw, "host_type") or "openwebui",
        context_k=_number(raw, "context_k"),
        max_rounds=_whole(raw, "max_rounds", at_least=1),
        tools=_tools(raw.get("tools")),
        sampling=_sampling(raw.get("sampling")),
        timeout_s=_number(raw, "timeout_s") or DEFAULT_TIMEOUT_S,
        history_messages=_whole(raw, "history_messages", at_least=0),
    )
    assert config.base_url  # raises when host type or URL are not usable
    return config


def _text(raw: Mapping[str, object], key: str) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} must be text")
    return value.strip()


def _required(raw: Mapping[str, object], key: str) -> str:
    value = _text(raw, key)
    if not value:
        raise ValueError(f"{key} is missing")
    return value


def _api_key(raw: Mapping[str, object]) -> str:
    key = _text(raw, "api_key") or NO_KEY
    if not key.isascii() or not key.isprintable():
        raise ValueError("api_key contains characters that no HTTP header can hold")
    return key


def _number(raw: Mapping[str, object], key: str) -> float | None:
    value = raw.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise ValueError(f"{key} must be a positive number")
    return value


def _whole(raw: Mapping[str, object], key: str, *, at_least: int) -> int | None:
    value = raw.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise ValueError(f"{key} must be a whole number of at least {at_least}")
    return value


def _tools(value: object) -> bool | tuple[str, ...]:
    if value is None:
        return True
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ValueError("tools must be true, false or a list of tool names")


def _sampling(value: object) -> Mapping[str, object]:
    if value is None:
        return _NOTHING
    if not isinstance(value, Mapping):
        raise ValueError("sampling must be a table")
    for key, setting in value.items():
        if key in _OURS:
            raise ValueError(f"sampling.{key} is set by Nod itself")
        if not isinstance(setting, str | int | float | list | dict):
            raise ValueError(f"sampling.{key} must be a number, text, a list or a table")
    return MappingProxyType(dict(value))
