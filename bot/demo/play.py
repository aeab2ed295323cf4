"""`demo`: the page with a picker of people, a small model beside it, and things to try."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bot.config.settings import Settings
from bot.demo.model import DemoModelError, start_demo_model
from bot.demo.prompts import MODELS_TOML, SUGGESTIONS
from bot.errors import BotError
from bot.models.config import ModelConfig
from bot.models.registry import Registry
from bot.orchestrator import registry_of
from bot.serve import Demo, heed_signals, serving

PEOPLE = ("alice", "bob", "root")
DATA_DIR = Path("demo-data")
REAL_NOTICE = "The model here is very small (135 million parameters) and clumsy with words; what it may do is real."
SCRIPTED_NOTICE = "What answers here is a scripted stand-in, not a model; everything else is real."


async def play(settings: Settings, *, port: int | None = None) -> None:
    """Serve the demo until it is stopped. Raises `ConfigError`."""
    told = heed_signals()
    settings = demo_settings(settings, port=port)
    async with _models(settings) as (models, notice):
        demo = Demo(PEOPLE, SUGGESTIONS, notice)
        async with serving(settings, models=models, demo=demo) as address:
            _welcome(address, demo, settings)
            await told.wait()
            print("Stopping ...", flush=True)


def demo_settings(settings: Settings, *, port: int | None) -> Settings:
    """The demo's own data folder and people; everything else as configured."""
    change: dict[str, object] = {"adapters": ("web",), "admins": ("web:root",), "web_tokens": {}}
    if "DATA_DIR" not in os.environ:
        change["data_dir"] = DATA_DIR
    if port is not None:
        change["http_port"] = port
    return settings.model_copy(update=change)


@asynccontextmanager
async def _models(settings: Settings) -> AsyncIterator[tuple[Registry, str]]:
    """The configured model, or the small one in a child process."""
    configured = registry_of(settings)
    if configured.labels():
        yield configured, ""
        return
    try:
        model = await start_demo_model(lambda line: print(line, flush=True))
    except DemoModelError as err:
        raise BotError(f"The demo's model did not start: {err}") from err
    async with model:
        row = demo_row(model.url, model.model_name)
        yield Registry([row], default=row.label), SCRIPTED_NOTICE if model.is_scripted else REAL_NOTICE


def demo_row(url: str, model_name: str) -> ModelConfig:
    """The demo's row of models.toml, at the address its server was given."""
    row = Registry.load(MODELS_TOML).get("demo")
    return replace(row, api_url=url, model_name=model_name)


def _welcome(address: str, demo: Demo, settings: Settings) -> None:
    print(f"\nNod is running. Open {address} and try, as alice:", flush=True)
    for text in demo.suggestions:
        print(f"  - {text}")
    print(
        f"\nKill it in between (Ctrl-C, or kill -9) and start it again: what waits for approval still waits.\n"
        f"Everything is stored in {settings.data_dir}.\n",
        flush=True,
    )
