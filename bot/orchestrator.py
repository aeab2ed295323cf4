"""The front door for scripts: `run` and `resume`, with no platform and no database.

A small composition root: engine + model client + toolbox. The chat service drives the same loop.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from bot.config.settings import Settings, environment, load
from bot.engine import words
from bot.engine.loop import Crew, drive
from bot.engine.machine import Limits, apply
from bot.engine.steps import Decided
from bot.engine.types import CallState, Content, Decision, FilePart, ImagePart, Rights, Run, TextPart, ToolCall
from bot.errors import BotError, CheckpointError, ConfigError, ModelConfigError
from bot.history import seen_by
from bot.models.clients import ModelClients
from bot.models.config import ModelConfig, from_mapping
from bot.models.registry import Registry
from bot.opening import opening, read_history
from bot.policy.judge import permit_for, policy_of_rights
from bot.redact import redactor
from bot.storage.codec import from_checkpoint, to_checkpoint
from bot.tools.builtin import builtin_tools
from bot.tools.context import Services
from bot.tools.folder import load_folder
from bot.tools.registry import ToolSpec, spec_of
from bot.tools.toolbox import Toolbox

Confirmed = bool | Mapping[str, "bool | Decision"]
"""One word for all waiting calls, or one for each by its id; a call missing there stays waiting."""

_seen_models: dict[str, ModelConfig] = {}
"""The models `run` was given in this process, by label: a checkpoint holds only the label."""


@dataclass(frozen=True, slots=True)
class OrchestratorResult:
    """What a run gave.

    `tool_calls` in the order of the calls: `{tool, args, result}`, with "[awaiting confirmation]" for those that wait.
    `backend` is the model's label; `summary` lists what the tools gave; `checkpoint` is None when the run is over;
    `waiting` names the calls that need a decision: `{id, tool, args, approver, rule}`; `error` is a sentence when
    the run failed.
    """

    response: str
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    backend: str = ""
    summary: str = ""
    checkpoint: dict[str, Any] | None = None
    usage: dict[str, int] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None

    @property
    def gemini_summary(self) -> str:
        """The older name of `summary`."""
        return self.summary


async def run(
    task: Content,
    system_prompt: str = "",
    session_messages: Sequence[Mapping[str, Any]] | None = None,
    model_cfg: Mapping[str, Any] | None = None,
    respond_with_final: bool = True,
    user_role: str = "user",
    tool_list: Sequence[str] | None = None,
    confirm_allow: Sequence[str] | None = None,
    confirm_deny: Sequence[str] | None = None,
    *,
    tools: Sequence[Callable[..., object]] | None = None,
) -> OrchestratorResult:
    """Answer `task`, using tools; stop with a checkpoint where a call needs confirmation.

    `task` is text, or a sequence of `bot.TextPart`, `bot.ImagePart` (a `data:` or `https:` URL) and `bot.FilePart`.

    `model_cfg`: `label, api_url, api_key, model_name, host_type, context_k, max_rounds, tools`; without it the
    configured default model. `tool_list` None = every tool of the role, [] = none. `tools`: functions decorated with
    `@bot.tool`, in place of the built-in ones. Raises `ModelConfigError` (also a RuntimeError) when the model is not
    configured, and
    `ConfigError` for a wrong setting; what goes wrong later is said in the result.
    """
    task = _checked(task)
    settings, _ = load()
    chain = _chain(model_cfg, settings, frozenset({user_role}))
    model = chain[0]
    _seen_models.update((one.label, one) for one in chain)
    rights = Rights(
        user_role,
        None if tool_list is None else tuple(tool_list),
        allow=frozenset(confirm_allow or ()),
        ask=frozenset(confirm_deny or ()),
    )
    first = Run(
        id=secrets.token_hex(16),
        task=task if isinstance(task, str) else words.plain(task),
        messages=(),
        model=model.label,
        rights=rights,
        max_rounds=min(model.max_rounds or settings.max_rounds, settings.max_rounds),
        with_final=respond_with_final,
    )
    toolbox = _toolbox(first, chain, settings, tools)
    messages = opening(
        seen_by(task, has_vision=model.vision is not False),
        system_prompt=system_prompt,
        history=read_history(session_messages, settings.history_messages),
        has_tools=bool(toolbox.schemas),
        with_final=respond_with_final,
    )
    return await _drive(replace(first, messages=messages), chain, toolbox, settings)


async def resume(
    checkpoint: Mapping[str, Any],
    confirmed: Confirmed,
    *,
    tools: Sequence[Callable[..., object]] | None = None,
    model_cfg: Mapping[str, Any] | None = None,
) -> OrchestratorResult:
    """Go on from a checkpoint: `confirmed` decides every waiting call, or each by its id.

    The model is found by the checkpoint's label: `model_cfg`, then the models `run` was given in this process, then the
    configured ones. Every check is repeated. Raises `CheckpointError` when the checkpoint is damaged, newer, or over.
    """
    stored = from_checkpoint(checkpoint)
    if stored.is_over:
        raise CheckpointError("This run is already over.")
    settings, _ = load()
    chain = _chain_of(stored, model_cfg, settings)
    toolbox = _toolbox(stored, chain, settings, tools)
    return await _drive(_decide_all(stored, confirmed), chain, toolbox, settings)


def _checked(task: Content) -> Content:
    if isinstance(task, str):
        return task
    parts = tuple(task)
    if not parts or not all(isinstance(part, TextPart | ImagePart | FilePart) for part in parts):
        raise BotError("The task is text, or a sequence of bot.TextPart, bot.ImagePart and bot.FilePart.")
    return parts


def _decide_all(stored: Run, confirmed: Confirmed) -> Run:
    waiting = {call.id for call in stored.waiting}
    if isinstance(confirmed, Mapping):
        unknown = [call_id for call_id in confirmed if call_id not in waiting]
        if unknown:
            raise CheckpointError(f"This checkpoint has no waiting call {unknown[0]!r}.")
        said = dict(confirmed)
    else:
        said = dict.fromkeys(waiting, confirmed)
    for call in stored.waiting:
        if call.id in said:
            stored = apply(stored, Decided(call.id, _decision(said[call.id])))
    return stored


def _decision(said: bool | Decision) -> Decision:
    if isinstance(said, Decision):
        if said.verb == "edit" and said.arguments is None:
            raise CheckpointError("An edit needs the arguments that are to run instead.")
        return replace(said, by=said.by or "user")
    if said is True:
        return Decision("approve", by="user")
    if said is False:
        return Decision("deny")
    raise CheckpointError("Decide with True, False or a Decision.")


async def _drive(run: Run, chain: tuple[ModelConfig, ...], toolbox: Toolbox, settings: Settings) -> OrchestratorResult:
    model = chain[0]
    clients = ModelClients(redact=_redactor(settings, *chain))
    try:
        crew = Crew(
            clients.for_turn(chain),
            toolbox,
            confirm_text=settings.confirm_text,
            limits=Limits(max_seconds=settings.run_timeout_s, window_tokens=model.window_tokens),
        )
        return result_of(await drive(run, crew))
    finally:
        await clients.aclose()


def result_of(run: Run) -> OrchestratorResult:
    """Read a run that came to rest as its result."""
    response = words.response(run)
    return OrchestratorResult(
        response=response,
        tool_calls=words.listed(run),
        backend=run.model,
        summary=words.gathered(run),
        checkpoint=None if run.is_over else to_checkpoint(run),
        usage={
            "prompt_tokens": run.usage.prompt_tokens,
            "completion_tokens": run.usage.completion_tokens,
            "model_calls": run.usage.model_calls,
        },
        waiting=[_waiting(call) for call in run.calls if call.state is CallState.WAITING],
        error=response if run.status == "failed" else None,
    )


def _waiting(call: ToolCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "tool": call.name,
        "args": words.arguments_shown(call),
        "approver": call.approver,
        "rule": call.rule,
    }


# --- finding models and tools ---------------------------------------------------------------------------------------


def _chain(model_cfg: Mapping[str, Any] | None, settings: Settings, roles: frozenset[str]) -> tuple[ModelConfig, ...]:
    """The model of a run, and those that take over when it fails."""
    if model_cfg is not None:
        return (from_mapping(model_cfg, timeout_s=settings.model_timeout_s),)
    models = registry_of(settings)
    return models.chain(models.for_person(roles).label, roles)


def _chain_of(stored: Run, model_cfg: Mapping[str, Any] | None, settings: Settings) -> tuple[ModelConfig, ...]:
    if model_cfg is not None:
        return (replace(from_mapping(model_cfg, timeout_s=settings.model_timeout_s), label=stored.model),)
    if stored.model in _seen_models:
        return (_seen_models[stored.model],)
    try:
        return registry_of(settings).chain(stored.model, frozenset({stored.rights.role}))
    except ModelConfigError as err:
        why = f"There is no model called {stored.model!r} here; give it with model_cfg= to go on."
        raise ModelConfigError(stored.model, why) from err


def registry_of(settings: Settings) -> Registry:
    """The configured models: MODEL_* and models.toml. Raises `ConfigError`."""
    return Registry.load(
        settings.models_file,
        settings_model=_settings_model(settings),
        environ=environment(),
        timeout_s=settings.model_timeout_s,
    )


def _settings_model(settings: Settings) -> ModelConfig | None:
    if not settings.model_api_url and not settings.model_name:
        return None
    for key, value in (("MODEL_API_URL", settings.model_api_url), ("MODEL_NAME", settings.model_name)):
        if not value:
            raise ConfigError(key, "it is missing; a model needs MODEL_API_URL and MODEL_NAME")
    try:
        return from_mapping(
            {
                "label": "default",
                "api_url": settings.model_api_url,
                "api_key": settings.model_api_key.get_secret_value() or None,
                "model_name": settings.model_name,
                "host_type": settings.model_host_type,
                "context_k": settings.model_context_k,
                "timeout_s": settings.model_timeout_s,
                "vision": settings.model_vision,
            }
        )
    except ModelConfigError as err:
        raise ConfigError(
            "MODEL_HOST_TYPE" if "host" in err.user_message else "MODEL_API_URL", err.user_message
        ) from err


def tools_of(settings: Settings) -> list[ToolSpec]:
    """The built-in tools and those of TOOLS_DIR, as they are now. Raises `ConfigError`."""
    return _tools_in(settings.tools_dir)


def _tools_in(folder: Path | None) -> list[ToolSpec]:
    registry = builtin_tools()
    for spec in load_folder(folder, taken=registry.names) if folder is not None else ():
        registry.add(spec)
    return list(registry)


_tools_once = cache(_tools_in)
"""For scripts: a folder's files are run once, not at every call."""


def _toolbox(
    run: Run, chain: tuple[ModelConfig, ...], settings: Settings, tools: Sequence[Callable[..., object]] | None
) -> Toolbox:
    specs = _tools_once(settings.tools_dir) if tools is None else [spec_of(function) for function in tools]
    return Toolbox(
        specs,
        permit=permit_for(policy_of_rights(run.rights, default_approver=settings.default_approver)),
        actor=run.requester,
        place=run.place,
        services=Services(files_dir=settings.data_dir / "files"),
        redact=_redactor(settings, *chain),
        only=chain[0].narrowing,
    )


def known_secrets(settings: Settings, models: Registry) -> list[str]:
    """Every secret value of this installation, for masking."""
    return [*settings.secret_values(), *(models.get(label).api_key for label in models.labels())]


def _redactor(settings: Settings, *models: ModelConfig) -> Callable[[str], str]:
    return redactor((*settings.secret_values(), *(model.api_key for model in models)))
