import subprocess
import sys

import pytest

from bot.engine.types import Usage
from bot.errors import ConfigError, ModelConfigError
from bot.models.config import ModelConfig, from_mapping
from bot.models.registry import Registry

MINIMAL = {"label": "fast", "api_url": "http://h:1", "model_name": "m"}


def load(tmp_path, text, **options):
    path = tmp_path / "models.toml"
    path.write_text(text)
    return Registry.load(path, environ=options.pop("environ", {}), **options)


# --- from_mapping ---


def test_the_least_a_script_must_say_gets_the_defaults():
    model = from_mapping(MINIMAL)

    assert model == ModelConfig(label="fast", api_url="http://h:1", model_name="m")
    assert (model.api_key, model.host_type, model.base_url) == ("none", "openwebui", "http://h:1/api")
    assert (model.tools, model.max_rounds, model.context_k, dict(model.sampling)) == (True, None, None, {})


def test_everything_a_script_can_say_is_kept():
    model = from_mapping(
        {
            **MINIMAL,
            "api_key": "sk-1",
            "host_type": "generic",
            "context_k": 128,
            "max_rounds": 5,
            "tools": ["notes_add"],
            "sampling": {"temperature": 0},
            "timeout_s": 3,
            "history_messages": 0,
            "unknown": 1,
        }
    )

    assert model.api_key == "sk-1"
    assert (model.context_k, model.max_rounds, model.tools, model.timeout_s) == (128, 5, ("notes_add",), 3)
    assert (model.history_messages, dict(model.sampling)) == (0, {"temperature": 0})


@pytest.mark.parametrize("missing", ["api_url", "model_name"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_address_or_name_is_an_error_naming_the_label_and_not_the_key(missing, value):
    with pytest.raises(ModelConfigError, match=f"'fast'.*{missing} is missing") as caught:
        from_mapping({**MINIMAL, "api_key": "sk-secret", missing: value})

    assert isinstance(caught.value, RuntimeError)
    assert caught.value.label == "fast"
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"host_type": "olama"}, "one of: generic, openwebui"),
        ({"api_url": 5}, "api_url must be text"),
        ({"max_rounds": 0}, "max_rounds must be a whole number of at least 1"),
        ({"max_rounds": True}, "max_rounds must be"),
        ({"context_k": "8"}, "context_k must be a positive number"),
        ({"context_k": 32768}, "context_k is in thousands of tokens, from 0.5 to 10000"),
        ({"context_k": 0.01}, "context_k is in thousands of tokens"),
        ({"for_roles": []}, "for_roles must be a list of names, at least one"),
        ({"timeout_s": -1}, "timeout_s must be a positive number"),
        ({"timeout_s": float("nan")}, "timeout_s must be a positive number"),
        ({"tools": "notes_add"}, "tools must be true, false or a list"),
        ({"sampling": {"stream": True}}, "sampling.stream is set by Nod itself"),
        ({"sampling": [1]}, "sampling must be a table"),
        ({"api_key": "sk\n1"}, "api_key contains characters"),
        ({"vision": "yes"}, "vision must be true or false"),
        ({"for_roles": "admin"}, "for_roles must be a list of names"),
        ({"prices": {"input": 1}}, "prices must be a table with input and output"),
        ({"prices": {"input": -1, "output": 1}}, "prices.input must be a number of dollars"),
    ],
)
def test_unusable_values_are_errors_naming_the_key(wrong, why):
    with pytest.raises(ModelConfigError, match=why):
        from_mapping({**MINIMAL, **wrong})


def test_the_key_is_not_in_the_repr():
    assert "sk-secret" not in repr(from_mapping({**MINIMAL, "api_key": "sk-secret"}))


# --- roles ---


def models_of(**rows):
    return [from_mapping({**MINIMAL, "label": label, **row}) for label, row in rows.items()]


def labels(models):
    return [one.label for one in models]


def test_the_fallbacks_follow_in_their_order_open_to_the_role_and_with_no_fewer_tools():
    rows = {"a": {}, "b": {"for_roles": ["admin"]}, "c": {}, "blind": {"tools": False}, "few": {"tools": ["look"]}}
    registry = Registry(models_of(**rows), default="a", fallback=("c", "b", "blind", "few", "a"))

    assert labels(registry.chain("a", frozenset({"admin"}))) == ["a", "c", "b"]
    assert labels(registry.chain("a", frozenset({"user"}))) == ["a", "c"]
    assert labels(registry.chain("few", frozenset({"user"}))) == ["few", "c", "a"]
    assert labels(registry.chain("blind")) == ["blind", "c", "b", "few", "a"]


def test_what_was_chosen_answers_only_those_it_is_open_to():
    registry = Registry(models_of(a={}, b={"for_roles": ["admin"]}), default="a")

    assert registry.for_person(frozenset({"admin"}), "b").label == "b"
    assert registry.for_person(frozenset({"user"}), "b").label == "a"
    assert registry.for_person(frozenset({"user"}), "gone").label == "a"
    assert labels(registry.open_to(frozenset({"user"}))) == ["a"]


def test_an_orchestrator_that_is_not_for_everybody_leaves_the_others_to_the_rest():
    registry = Registry(models_of(a={"for_roles": ["admin"]}, b={}), default="a")

    assert registry.for_person(frozenset({"user"})).label == "b"


def test_a_role_with_no_model_is_told_so():
    registry = Registry(models_of(a={"for_roles": ["admin"]}), default="a")

    with pytest.raises(ModelConfigError, match="No model is open to your role"):
        registry.for_person(frozenset({"user"}))


def test_the_summary_model_is_the_one_that_answers_unless_one_is_named():
    models = models_of(a={}, b={})

    assert Registry(models, default="a").for_summary("b").label == "b"
    assert Registry(models, default="a", summary="a").for_summary("b").label == "a"


def test_prices_are_dollars_per_million_tokens():
    (model,) = models_of(a={"prices": {"input": 2, "output": 10}})

    assert model.prices.cost(Usage(1_000_000, 100_000, 1)) == pytest.approx(3.0)


# --- models.toml ---


def test_a_file_as_notepad_saves_it_is_read(tmp_path):
    (tmp_path / "models.toml").write_text('[models.fast]\napi_url = "http://h:1"\nmodel_name = "m"\n', "utf-8-sig")

    assert Registry.load(tmp_path / "models.toml").labels() == ("fast",)


def test_a_file_gives_models_by_label(tmp_path):
    registry = load(
        tmp_path,
        """
        [roles]
        orchestrator = "fast"
        [models.fast]
        api_url = "http://h:1/v1"
        model_name = "org/fast"
        host_type = "generic"
        api_key_env = "FAST_KEY"
        context_k = 32
        max_rounds = 4
        tools = ["current_time"]
        timeout_s = 9.5
        [models.fast.sampling]
        temperature = 0.2
        seed = 7
        [models.plain]
        api_url = "http://h:2"
        model_name = "p"
        tools = false
        """,
        environ={"FAST_KEY": "sk-9"},
    )

    fast = registry.default
    assert registry.labels() == ("fast", "plain")
    assert (fast.label, fast.api_key, fast.tools) == ("fast", "sk-9", ("current_time",))
    assert dict(fast.sampling) == {"temperature": 0.2, "seed": 7}
    assert registry.get("plain").tools is False


def test_the_settings_model_is_the_default_unless_the_file_names_one(tmp_path):
    settings_model = from_mapping({**MINIMAL, "label": "default"})
    rows = '[models.fast]\napi_url = "http://h:1"\nmodel_name = "m"\n'

    assert load(tmp_path, rows, settings_model=settings_model).default.label == "default"
    assert (
        load(tmp_path, '[roles]\norchestrator = "fast"\n' + rows, settings_model=settings_model).default.label == "fast"
    )
    assert load(tmp_path, rows).default.label == "fast"


def test_no_file_and_no_settings_is_an_error_only_when_a_model_is_asked_for(tmp_path):
    registry = Registry.load(None)

    assert registry.labels() == ()
    with pytest.raises(ModelConfigError, match="Set MODEL_API_URL and MODEL_NAME"):
        _ = registry.default


def test_a_file_that_is_named_and_missing_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"MODELS_FILE: .*none.toml cannot be read"):
        Registry.load(tmp_path / "none.toml")


def test_plain_http_is_for_near_hosts_only(tmp_path):
    rows = '[models.far]\napi_url = "http://api.example.com/v1"\nmodel_name = "m"\nhost_type = "generic"\n'

    with pytest.raises(ConfigError, match="plain http is only for this machine"):
        load(tmp_path, rows)


def test_an_unknown_label_lists_the_known_ones():
    with pytest.raises(ModelConfigError, match=r"no model called 'slow'. Known models: fast"):
        Registry([from_mapping(MINIMAL)]).get("slow")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("roles = ", "not readable as TOML"),
        ("rolse = 'x'", "unknown key 'rolse'; did you mean 'roles'?"),
        ("default = 'x'", "default: write it as orchestrator"),
        ("[roles]\norchestrator = 'x'", r"\[roles\] orchestrator: 'x' is not one of the models: none"),
        ("[roles]\nfallback = ['x']", r"\[roles\] fallback: 'x' is not one of the models: none"),
        ("[roles]\nboss = 'x'", r"\[roles\] unknown key 'boss'"),
        (
            "[models.a]\napi_url='http://h'\nmodel_name='m'\n[models.b]\napi_url='http://h'\nmodel_name='m'",
            r"\[roles\] orchestrator: name which model answers: a, b",
        ),
        ("[models.usual]\napi_url='http://h'\nmodel_name='m'", "'usual' is no label"),
        ("[models.'']\napi_url='http://h'\nmodel_name='m'", "'' is no label"),
        ("roles = 5", "roles must be a table"),
        ("models = 5", "models must be tables"),
        ("[models]\nfast = 5", r"\[models.fast\] must be a table"),
        ("[models.fast]\nmodel = 'm'", "unknown key 'model'; did you mean 'model_name'?"),
        ("[models.fast]\nmodel_name = 'm'", r"\[models.fast\] api_url is missing"),
        ("[models.fast]\napi_key = 'hunter2'", "api_key: keys do not belong in this file"),
        ("[models.fast]\napi_url='http://h'\nmodel_name='m'\napi_key_env='NO_KEY'", "variable NO_KEY is not set"),
        (
            "[models.fast]\napi_url='http://h'\nmodel_name='m'\napi_key_env='hunter-2'",
            "name of an environment variable",
        ),
    ],
)
def test_a_wrong_file_is_an_error_naming_file_and_key(tmp_path, text, why):
    with pytest.raises(ConfigError, match=f"models.toml: .*{why}") as caught:
        load(tmp_path, text)

    assert caught.value.key == "models.toml"
    assert "hunter" not in str(caught.value)


def test_reading_a_configuration_does_not_load_the_sdk():
    code = "import bot.models.registry, bot.models.client, sys; print('openai' in sys.modules, 'httpx2' in sys.modules)"

    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert output == "False False\n"
