"""What can be pressed, picked and filled in (docs, "Block elements", "Composition objects")."""

from __future__ import annotations

from tests.adapters.slack.wire.schema import (
    Check,
    anything,
    boolean,
    choice,
    listing,
    mapping,
    number,
    plain,
    string,
    text,
    typed,
)

ACTION = {"action_id": string(255)}
CONFIRM = mapping(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": choice("primary", "danger")},
)
_OPTION = {"text": plain(75), "value": string(150)}
_PLAIN_OPTION = mapping(_OPTION, {"description": plain(75), "url": string(3000)})
_TEXT_OPTION = mapping(_OPTION | {"text": text(75)}, {"description": text(75)})
_GROUP = mapping({"label": plain(75), "options": listing(_PLAIN_OPTION, 100)})
_DISPATCH = mapping({"trigger_actions_on": listing(choice("on_enter_pressed", "on_character_entered"), 2)})
_FEEDBACK = mapping({"text": plain(75), "value": string(2000)}, {"accessibility_label": string(75)})

_FIELD = {**ACTION, "placeholder": plain(150), "focus_on_load": boolean}
_PICKED = {**_FIELD, "confirm": CONFIRM}
_CHOSEN = {"options": listing(_PLAIN_OPTION, 100), "option_groups": listing(_GROUP, 100)}
_MANY = {"max_selected_items": number}
_FILTER = mapping(
    None,
    {
        "include": listing(choice("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)
_TALKS = {"default_to_current_conversation": boolean, "filter": _FILTER}
_URL_ENABLED = {"response_url_enabled": boolean}

BUTTON = mapping(
    {"text": plain(75)},
    {
        **ACTION,
        "url": string(3000),
        "value": string(2000, 0),
        "style": choice("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
        "agent_prompt": string(4000),
        "agent_prompt_display": anything,
        "visible_to_user_ids": listing(string(255), 10),
    },
)
IMAGE = mapping({"alt_text": string(2000)}, {"image_url": string(3000), "slack_file": anything})

SELECTS: dict[str, Check] = {
    "static_select": mapping(None, {**_PICKED, **_CHOSEN, "initial_option": _PLAIN_OPTION}),
    "multi_static_select": mapping(
        None, {**_PICKED, **_CHOSEN, **_MANY, "initial_options": listing(_PLAIN_OPTION, 100)}
    ),
    "external_select": mapping(None, {**_PICKED, "min_query_length": number, "initial_option": _PLAIN_OPTION}),
    "multi_external_select": mapping(
        None, {**_PICKED, **_MANY, "min_query_length": number, "initial_options": listing(_PLAIN_OPTION, 100)}
    ),
    "users_select": mapping(None, {**_PICKED, "initial_user": string(255)}),
    "multi_users_select": mapping(None, {**_PICKED, **_MANY, "initial_users": listing(string(255), 1000)}),
    "conversations_select": mapping(None, {**_PICKED, **_TALKS, **_URL_ENABLED, "initial_conversation": string(255)}),
    "multi_conversations_select": mapping(
        None, {**_PICKED, **_TALKS, **_MANY, "initial_conversations": listing(string(255), 1000)}
    ),
    "channels_select": mapping(None, {**_PICKED, **_URL_ENABLED, "initial_channel": string(255)}),
    "multi_channels_select": mapping(None, {**_PICKED, **_MANY, "initial_channels": listing(string(255), 1000)}),
}
PICKERS: dict[str, Check] = {
    "datepicker": mapping(None, {**_PICKED, "initial_date": string(10, 10)}),
    "timepicker": mapping(None, {**_PICKED, "initial_time": string(5, 5), "timezone": string(255)}),
    "datetimepicker": mapping(None, {**_PICKED, "initial_date_time": number}),
    "checkboxes": mapping(
        {"options": listing(_TEXT_OPTION, 10)},
        {**ACTION, "initial_options": listing(_TEXT_OPTION, 10), "confirm": CONFIRM, "focus_on_load": boolean},
    ),
    "radio_buttons": mapping(
        {"options": listing(_TEXT_OPTION, 10)},
        {**ACTION, "initial_option": _TEXT_OPTION, "confirm": CONFIRM, "focus_on_load": boolean},
    ),
}
PRESSED: dict[str, Check] = {
    "button": BUTTON,
    "overflow": mapping({"options": listing(_PLAIN_OPTION, 5)}, {**ACTION, "confirm": CONFIRM}),
    "workflow_button": mapping(
        {"text": plain(75), "workflow": anything}, {**ACTION, "style": choice("primary", "danger")}
    ),
}
CONTEXT_PRESSED: dict[str, Check] = {
    "feedback_buttons": mapping({"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, ACTION),
    "icon_button": mapping(
        {"icon": choice("trash"), "text": plain(75)},
        {
            **ACTION,
            "value": string(2000, 0),
            "accessibility_label": string(75),
            "visible_to_user_ids": listing(string(255), 10),
            "confirm": CONFIRM,
        },
    ),
}
FILLED: dict[str, Check] = {
    "plain_text_input": mapping(
        None,
        {
            **_FIELD,
            "initial_value": string(3000, 0),
            "multiline": boolean,
            "min_length": number,
            "max_length": number,
            "dispatch_action_config": _DISPATCH,
        },
    ),
    "email_text_input": mapping(None, {**_FIELD, "initial_value": string(3000), "dispatch_action_config": _DISPATCH}),
    "url_text_input": mapping(None, {**_FIELD, "initial_value": string(3000), "dispatch_action_config": _DISPATCH}),
    "number_input": mapping(
        {"is_decimal_allowed": boolean},
        {
            **_FIELD,
            "initial_value": string(3000),
            "min_value": string(255),
            "max_value": string(255),
            "dispatch_action_config": _DISPATCH,
        },
    ),
    "rich_text_input": mapping(
        None,
        {
            **_FIELD,
            "initial_value": anything,
            "dispatch_action_config": _DISPATCH,
            "min_lines": number,
            "max_lines": number,
        },
    ),
    "file_input": mapping(None, {**ACTION, "filetypes": listing(string(255), 100), "max_files": number}),
}

IN_ACTIONS = typed({**PRESSED, **SELECTS, **PICKERS})
IN_SECTION = typed({**PRESSED, **SELECTS, **PICKERS, "image": IMAGE})
IN_INPUT = typed({**SELECTS, **PICKERS, **FILLED})
IN_CONTEXT_ACTIONS = typed(CONTEXT_PRESSED)
IN_CONTEXT = typed(
    {
        "image": IMAGE,
        "plain_text": mapping({"text": string(2000)}, {"emoji": boolean}),
        "mrkdwn": mapping({"text": string(2000)}, {"verbatim": boolean}),
    }
)
