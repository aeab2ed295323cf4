"""Which models there are: one `ModelConfig` each, from `models.toml` and the MODEL_* settings, and their roles.

Knows no SDK and no network; keys come from the environment.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from bot.errors import ConfigError, ModelConfigError
from bot.models.config import DEFAULT_LABEL, DEFAULT_TIMEOUT_S, KEYS, ModelConfig, read_config

FILE = "models.toml"
USUAL = "usual"
"""What `/nod model` calls the orchestrator."""
_LABEL = re.compile(r"[\w.-]{1,60}")
ROLES = ("orchestrator", "fallback", "summary")


class Registry:
    """The models of this installation, by label, and their roles.

    `default` is the orchestrator: it answers unless people chose another. `fallback` take over, in this order, when a
    model fails. `summary` sums up old talk, None = the model that answered.
    """

    def __init__(
        self,
        models: Iterable[ModelConfig] = (),
        *,
        default: str | None = None,
        fallback: tuple[str, ...] = (),
        summary: str | None = None,
    ) -> None:
        self._models = {model.label: model for model in models}
        self._default = default
        self._fallback = fallback
        self._summary = summary

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

        The orchestrator is what the file's `[roles]` name, else the settings' model, else the only one there is. Raises
        `ConfigError` naming the file and the key.
        """
        document = _document(path)
        models = _models(document, os.environ if environ is None else environ, timeout_s)
        if settings_model is not None:
            models[settings_model.label] = settings_model
        roles = _roles(document, models)
        alone = next(iter(models)) if len(models) == 1 else None
        usual = settings_model.label if settings_model is not None else alone
        orchestrator = _one_label(roles, "orchestrator", models) or usual
        if models and orchestrator is None:
            raise ConfigError(FILE, f"[roles] orchestrator: name which model answers: {', '.join(models)}")
        return cls(
            models.values(),
            default=orchestrator,
            fallback=_labels(roles, "fallback", models),
            summary=_one_label(roles, "summary", models),
        )

    def get(self, label: str) -> ModelConfig:
        """Give the model of this label. Raises `ModelConfigError` listing the known ones."""
        if label not in self._models:
            known = ", ".join(self._models) or "none"
            raise ModelConfigError(label, f"There is no model called {label!r}. Known models: {known}.")
        return self._models[label]

    @property
    def default(self) -> ModelConfig:
        if self._default is None:
            why = "No model is configured. Set MODEL_API_URL and MODEL_NAME, or name an orchestrator in models.toml."
            raise ModelConfigError(DEFAULT_LABEL, why)
        return self.get(self._default)

    @property
    def fallback(self) -> tuple[ModelConfig, ...]:
        """Those that are meant to take over, in their order."""
        return tuple(self._models[label] for label in self._fallback)

    def labels(self) -> tuple[str, ...]:
        return tuple(self._models)

    def open_to(self, roles: frozenset[str]) -> tuple[ModelConfig, ...]:
        """The models that may answer somebody of these roles, in the order of the file."""
        return tuple(model for model in self._models.values() if model.is_for(roles))

    def for_person(self, roles: frozenset[str], chosen: str = "") -> ModelConfig:
        """The model that answers somebody of these roles: what was chosen, else the orchestrator, else the first open
        to them. Raises `ModelConfigError` when there is none."""
        if chosen in self._models and self._models[chosen].is_for(roles):
            return self._models[chosen]
        if self.default.is_for(roles):
            return self.default
        if not (others := self.open_to(roles)):
            raise ModelConfigError(self.default.label, "No model is open to your role. An admin has to change that.")
        return others[0]

    def chain(self, label: str, roles: frozenset[str] | None = None) -> tuple[ModelConfig, ...]:
        """The model of this label and those that take over when it fails: open to the roles (None = any), with no fewer
        tools. Raises `ModelConfigError` when there is no such model."""
        first = self.get(label)
        others = (self._models[name] for name in self._fallback if name != label)
        return (first, *(one for one in others if (roles is None or one.is_for(roles)) and one.covers(first)))

    def for_summary(self, label: str) -> ModelConfig:
        """The model that sums up what `label` answered."""
        return self.get(self._summary or label)


# --- models.toml -------------------------------------------------------------------------------------------------


def _document(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(FILE, f"not readable as TOML: {err}") from err
    except OSError as err:
        raise ConfigError("MODELS_FILE", f"{path} cannot be read: {err.strerror}") from err


def _models(document: Mapping[str, object], environ: Mapping[str, str], timeout_s: float) -> dict[str, ModelConfig]:
    if "default" in document:
        raise ConfigError(FILE, "default: write it as orchestrator = ... under [roles]")
    _known_keys(document, ("roles", "models"), where="")
    table = document.get("models", {})
    if not isinstance(table, dict):
        raise ConfigError(FILE, "models must be tables like [models.fast]")
    return {label: _row(label, row, environ, timeout_s) for label, row in table.items()}


def _row(label: str, row: object, environ: Mapping[str, str], timeout_s: float) -> ModelConfig:
    where = f"[models.{label}] "
    if not _LABEL.fullmatch(label) or label == USUAL:
        raise ConfigError(FILE, f"models: {label!r} is no label: letters, digits, '.', '_' and '-', and not {USUAL!r}")
    if not isinstance(row, dict):
        raise ConfigError(FILE, f"{where}must be a table")
    if "api_key" in row:
        raise ConfigError(FILE, f"{where}api_key: keys do not belong in this file; name a variable with api_key_env")
    _known_keys(row, (*KEYS, "api_key_env"), where=where)
    try:
        return read_config(label, {"timeout_s": timeout_s, **row, "api_key": _key(row.get("api_key_env"), environ)})
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


def _roles(document: Mapping[str, object], models: Mapping[str, ModelConfig]) -> Mapping[str, object]:
    roles = document.get("roles", {})
    if not isinstance(roles, dict):
        raise ConfigError(FILE, "roles must be a table: [roles]")
    _known_keys(roles, ROLES, where="[roles] ")
    return roles


def _one_label(roles: Mapping[str, object], role: str, models: Mapping[str, ModelConfig]) -> str | None:
    return None if roles.get(role) is None else _known_label(roles[role], role, models)


def _labels(roles: Mapping[str, object], role: str, models: Mapping[str, ModelConfig]) -> tuple[str, ...]:
    named = roles.get(role, [])
    return tuple(_known_label(one, role, models) for one in (named if isinstance(named, list) else [named]))


def _known_label(named: object, role: str, models: Mapping[str, ModelConfig]) -> str:
    if not isinstance(named, str) or named not in models:
        raise ConfigError(FILE, f"[roles] {role}: {named!r} is not one of the models: {', '.join(models) or 'none'}")
    return named


def _known_keys(table: Mapping[str, object], known: tuple[str, ...], *, where: str) -> None:
    for key in table:
        if key not in known:
            close = get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
            raise ConfigError(FILE, f"{where}unknown key {key!r}; {hint}")
