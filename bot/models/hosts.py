"""The kinds of model hosts, one row each, quirks as flags. Knows no network and no SDK."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from bot.addresses import is_near

ENDPOINT = "/chat/completions"
Topic = Literal["key", "tools", "window"]


@dataclass(frozen=True, slots=True)
class Host:
    """One kind of host. Every flag is a quirk of it, named after what Nod does about it.

    `address` is one as an operator would write it; `api_path` is what its API adds to the address people know it by,
    added where it is missing. `window_asks` are requests that tell how long a prompt may be, tried in this order, and
    `window_keys` where the answer stands (`bot/models/windows.py`). `advice` is for the operator,
    and about `advises`.
    """

    name: str
    address: str
    api_path: str = ""

    reports_stream_usage: bool = True
    """Takes `stream_options.include_usage`."""
    sends_null_beside_calls: bool = False
    """Null instead of "" as the content beside tool calls."""
    omits_tools_to_forbid: bool = False
    """Tools are left out where they are forbidden: `tool_choice: none` would not be heeded."""
    tells_tool_turns: bool = False
    """Calls and results are told in words where no tools are sent: it refuses them in the history then."""
    alternates_roles: bool = False
    """Neighbours of one role are merged, and the first one after the system message is a user's."""
    shortens_ids: bool = False
    """Ids of calls are sent as 9 letters and digits."""
    signs_foreign_calls: bool = False
    """Calls another model wrote carry Gemini's signature for calls that it did not write."""
    fills_reasoning: bool = False
    """Messages with calls that hold no `reasoning_content` get a blank one."""

    cuts_silently: bool = False
    """Cuts a prompt that is too long and answers as if it were whole."""
    window_asks: tuple[str, ...] = ()
    window_keys: tuple[str, ...] = ()
    advice: str = ""
    advises: Topic | None = None

    rewrites_own: bool = field(init=False, default=False)
    """Whether messages the same model wrote may have to be changed on their way back to it."""

    def __post_init__(self) -> None:
        rewrites = self.sends_null_beside_calls or self.shortens_ids or self.fills_reasoning
        object.__setattr__(self, "rewrites_own", rewrites)

    @property
    def rearranges(self) -> bool:
        """Whether the list of messages itself may have to be changed."""
        return self.tells_tool_turns or self.alternates_roles

    def advice_on(self, topic: Topic) -> str:
        """Give what the operator of such a host should know of this, "" when there is nothing."""
        return self.advice if self.advises == topic else ""


GENERIC = Host(
    "generic",
    "https://models.example.org/v1",
    window_asks=("GET {base}/models",),
    window_keys=("max_model_len", "context_length", "context_window", "max_context_length"),
)

HOSTS = {
    host.name: host
    for host in (
        GENERIC,
        # docs "API Endpoints". Tools switched on in its own pages do not run on plain API calls (open-webui#12494),
        # and the chunk with the usage may be missing (open-webui#23917): a plain proxy.
        Host(
            "openwebui",
            "https://chat.example.org",
            api_path="/api",
            advice="An admin of Open WebUI has to switch on API keys.",
            advises="key",
        ),
        Host("openai", "https://api.openai.com/v1", api_path="/v1"),
        Host(
            "openrouter",
            "https://openrouter.ai/api/v1",
            api_path="/api/v1",
            sends_null_beside_calls=True,  # Bedrock refuses empty text (vercel/ai#13466); OpenRouter's docs send null
            window_asks=("GET {base}/models",),
            window_keys=("context_length", "top_provider.context_length"),
        ),
        Host(
            "litellm",
            "http://localhost:4000",
            api_path="/v1",
            sends_null_beside_calls=True,  # vercel/ai#13466: Bedrock refuses empty text
            tells_tool_turns=True,  # litellm#24712: "Anthropic doesn't support tool calling without `tools=` param"
            window_asks=("GET {root}/model/info",),  # docs "Model Management"
            window_keys=("model_info.max_input_tokens",),
        ),
        Host(
            "ollama",
            "http://localhost:11434",
            api_path="/v1",
            omits_tools_to_forbid=True,  # ollama#17921: tool_choice is ignored
            cuts_silently=True,  # ollama#4967
            window_asks=("GET {root}/api/ps", "POST {root}/api/show"),
            window_keys=("context_length",),
            advice="Set OLLAMA_CONTEXT_LENGTH for the server, or num_ctx in a Modelfile, and the same as context_k: "
            "Ollama cuts longer prompts without a word.",
            advises="window",
        ),
        Host(
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            api_path="/v1beta/openai",
            signs_foreign_calls=True,  # docs "Thought Signatures", FAQ: history that another model wrote
        ),
        Host(
            "vllm",
            "http://localhost:8000",
            api_path="/v1",
            alternates_roles=True,  # vllm#6862: "conversation roles must alternate"
            shortens_ids=True,  # vllm#9019: Mistral's tokenizer takes no other ids
            window_asks=("GET {base}/models",),
            window_keys=("max_model_len",),
            advice="Start vLLM with --enable-auto-tool-choice and the --tool-call-parser of the model.",
            advises="tools",
        ),
        Host(
            "llamacpp",
            "http://localhost:8080",
            api_path="/v1",
            alternates_roles=True,  # llama.cpp#20733
            shortens_ids=True,  # llama.cpp#26359: Mistral's templates refuse the ids the server itself gave
            window_asks=("GET {root}/props",),
            window_keys=("default_generation_settings.n_ctx",),
            advice="Start llama-server with --jinja and a template that knows tools: others drop them without a word.",
            advises="tools",
        ),
        Host(
            "lmstudio",
            "http://localhost:1234",
            api_path="/v1",  # without it LM Studio answers 200 and an error (lmstudio-bug-tracker#618)
            alternates_roles=True,
            shortens_ids=True,
            window_asks=("GET {root}/api/v0/models",),
            window_keys=("loaded_context_length",),
            advice="Load the model with a context length of context_k: a longer prompt may get an empty answer.",
            advises="window",
        ),
        Host(
            "deepseek",
            "https://api.deepseek.com",
            fills_reasoning=True,  # docs "Thinking Mode": calls without reasoning_content are a 400
        ),
    )
}


def find_host(name: str) -> Host:
    """Give the row of a host. Raises `ValueError` with the closest known name and all of them."""
    if name not in HOSTS:
        close = get_close_matches(name.lower(), HOSTS, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}? Use " if close else "use "
        raise ValueError(f"host_type {name!r} is not known; {hint}one of: {', '.join(HOSTS)}")
    return HOSTS[name]


def base_url(host: Host, api_url: str) -> str:
    """Give the address that `/chat/completions` is added to.

    A trailing slash, the endpoint itself and the host's own path, or the beginning of it, may already be part of
    `api_url`. Raises `ValueError` with a reason that never repeats the URL: it may hold a secret.
    """
    url = _checked(api_url)
    path = url.path.rstrip("/").removesuffix(ENDPOINT).rstrip("/")
    return f"{url.scheme}://{url.netloc}{path}{_missing(host.api_path, path)}"


def root_url(host: Host, base: str) -> str:
    """Give the address below which the host's own API stands, from the one `base_url` gave."""
    return base.removesuffix(host.api_path)


def _missing(api_path: str, path: str) -> str:
    """Give what of `api_path` is not yet the end of `path`: "/openai" of "/v1beta/openai" behind "/v1beta"."""
    steps = api_path.split("/")
    for size in range(len(steps), 1, -1):
        if path.endswith("/".join(steps[:size])):
            return "/".join(("", *steps[size:])) if size < len(steps) else ""
    return api_path


def _checked(api_url: str) -> SplitResult:
    if any(letter.isspace() or not letter.isprintable() for letter in api_url):
        raise ValueError("api_url must not contain spaces or control characters")
    try:
        url = urlsplit(api_url)
        has_host = bool((url.hostname or "").encode("idna")) and url.port != 0
    except ValueError as err:
        raise ValueError("api_url is not a valid URL") from err
    if url.scheme == "http" and url.hostname and not is_near(url.hostname):
        raise ValueError("api_url: plain http is only for this machine and private networks; use https")
    if url.scheme not in ("http", "https"):
        raise ValueError("api_url must start with http:// or https://")
    if not has_host:
        raise ValueError("api_url names no host")
    if "@" in url.netloc:
        raise ValueError("api_url must not contain a user or password; name its variable with api_key_env")
    if url.query or url.fragment:
        raise ValueError("api_url must not contain '?' or '#'")
    return url
