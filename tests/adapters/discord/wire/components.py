"""What Discord refuses in components, old and V2 (docs, "Component Reference"); gives them the ids they lack."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from tests.adapters.discord.wire.refusals import invalid, too_long
from tests.adapters.discord.wire.world import Attachment, Json, walk

MAX_TOTAL, MAX_DISPLAYED, MAX_CUSTOM_ID = 40, 4000, 100
_V2_TOP = {1, 9, 10, 12, 13, 14, 17}
_IN_CONTAINER = {1, 9, 10, 12, 13, 14}
_MENUS = {3, 5, 6, 7, 8}
_MODAL_FIELDS = {3, 4, 5, 6, 7, 8, 19, 21, 22, 23}


def checked_message(components: list[Json], files: Mapping[str, Attachment], *, is_v2: bool) -> list[Json]:
    """The components of a message as Discord keeps them: ids given, `attachment://` addresses resolved."""
    kept = _numbered(components)
    _check_custom_ids(kept)
    if is_v2:
        _check_v2(kept)
    else:
        _check_rows(kept)
    for part in walk(kept):
        _check_part(part)
        _resolve(part, files)
    return kept


def checked_modal(data: Json) -> Json:
    """A modal as it is shown. Raises Refused."""
    if not 1 <= len(data.get("title", "")) <= 45:
        raise too_long("data.title", 45)
    if not 1 <= len(data.get("custom_id", "")) <= MAX_CUSTOM_ID:
        raise too_long("data.custom_id", MAX_CUSTOM_ID)
    kept = _numbered(data.get("components", []))
    if not 1 <= len(kept) <= 5:
        raise invalid("data.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    _check_custom_ids(kept)
    for place, part in enumerate(kept):
        _check_modal_part(f"data.components.{place}", part)
    return data | {"components": kept}


def _check_modal_part(path: str, part: Json) -> None:
    if part["type"] == 10:
        return
    if part["type"] == 18:
        if not 1 <= len(part.get("label", "")) <= 45:
            raise too_long(f"{path}.label", 45)
        if len(part.get("description") or "") > 100:
            raise too_long(f"{path}.description", 100)
        inside = [part.get("component") or {}]
    elif part["type"] == 1:
        inside = part.get("components", [])
    else:
        raise invalid(path, "UNION_TYPE_CHOICES", 'Value of field "type" must be one of (1, 10, 18).')
    for field in inside:
        if field.get("type") not in _MODAL_FIELDS:
            raise invalid(path, "UNION_TYPE_CHOICES", "no field of a modal")
        _check_part(field)
        if field["type"] == 4:
            _check_text_input(path, field)


def _check_text_input(path: str, part: Json) -> None:
    most = part.get("max_length", 4000)
    if not 1 <= most <= 4000:
        raise too_long(f"{path}.max_length", 4000)
    if len(part.get("value") or "") > most:
        raise too_long(f"{path}.value", most)
    if len(part.get("placeholder") or "") > 100:
        raise too_long(f"{path}.placeholder", 100)


def _numbered(components: list[Json]) -> list[Json]:
    """A deep copy with an `id` on every part, as Discord gives them: from 1, in order."""
    numbers = count(1)
    taken = {part["id"] for part in walk(components) if part.get("id")}

    def copy(part: Json) -> Json:
        kept = dict(part)
        if not kept.get("id"):
            kept["id"] = next(number for number in numbers if number not in taken)
        for name in ("accessory", "component"):
            if isinstance(kept.get(name), dict):
                kept[name] = copy(kept[name])
        if "components" in kept:
            kept["components"] = [copy(one) for one in kept["components"]]
        return kept

    return [copy(part) for part in components]


def _check_custom_ids(components: list[Json]) -> None:
    seen: set[str] = set()
    for part in walk(components):
        if "custom_id" not in part:
            continue
        given = part["custom_id"]
        if not isinstance(given, str) or not 1 <= len(given) <= MAX_CUSTOM_ID:
            raise invalid("components", "BASE_TYPE_BAD_LENGTH", "custom_id must be between 1 and 100 in length.")
        if given in seen:
            raise invalid("components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
        seen.add(given)


def _check_v2(components: list[Json]) -> None:
    if len(list(walk(components))) > MAX_TOTAL:
        raise invalid("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "The maximum is 40 components")
    shown = sum(len(part.get("content", "")) for part in walk(components) if part["type"] == 10)
    if shown > MAX_DISPLAYED:
        raise invalid("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", "The maximum is 4000 characters")
    for place, part in enumerate(components):
        if part["type"] not in _V2_TOP:
            raise invalid(f"components.{place}", "UNION_TYPE_CHOICES", "not at the top of a message")


def _check_rows(components: list[Json]) -> None:
    if len(components) > 5:
        raise invalid("components", "BASE_TYPE_BAD_LENGTH", "Must be between 0 and 5 in length.")
    for place, part in enumerate(components):
        if part["type"] != 1:
            raise invalid(f"components.{place}.type", "BASE_TYPE_CHOICES", "Value must be one of (1,).")


def _check_part(part: Json) -> None:
    """The rules of one component by itself."""
    match part["type"]:
        case 1:
            _check_row(part)
        case 2:
            _check_button(part)
        case kind if kind in _MENUS:
            _check_menu(part)
        case 9:
            if not 1 <= len(part["components"]) <= 3 or not part.get("accessory"):
                raise invalid("components", "BASE_TYPE_BAD_LENGTH", "a section has 1 to 3 texts and an accessory")
        case 10:
            if not part.get("content"):
                raise invalid("components", "BASE_TYPE_REQUIRED", "This field is required")
        case 12:
            if not 1 <= len(part["items"]) <= 10:
                raise invalid("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 10 in length.")
        case 17:
            if not part["components"] or any(one["type"] not in _IN_CONTAINER for one in part["components"]):
                raise invalid("components", "UNION_TYPE_CHOICES", "no part of a container, or none at all")
        case _:
            return


def _check_row(part: Json) -> None:
    kinds = [one["type"] for one in part.get("components", [])]
    is_buttons = set(kinds) == {2} and len(kinds) <= 5
    if not is_buttons and not (len(kinds) == 1 and kinds[0] in _MENUS | {4}):
        raise invalid("components", "BASE_TYPE_BAD_LENGTH", "a row has 1 to 5 buttons, or one menu")


def _check_button(part: Json) -> None:
    if len(part.get("label") or "") > 80:
        raise too_long("components.label", 80)
    if not part.get("label") and not part.get("emoji"):
        raise invalid("components", "BUTTON_COMPONENT_INVALID", "A label or an emoji is required")
    is_link = part.get("style") == 5
    if is_link and not str(part.get("url", "")).startswith(("http://", "https://", "discord://")):
        raise invalid("components.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('discord', 'http', 'https')")
    if is_link == ("custom_id" in part):
        raise invalid("components", "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", "a custom id, or a url for style 5")


def _check_menu(part: Json) -> None:
    if len(part.get("placeholder") or "") > 150:
        raise too_long("components.placeholder", 150)
    if part["type"] != 3:
        return
    options = part.get("options", [])
    if not 1 <= len(options) <= 25:
        raise invalid("components.options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length.")
    for option in options:
        for name in ("label", "value", "description"):
            if len(option.get(name) or "") > 100:
                raise too_long(f"components.options.{name}", 100)
    if len({option["value"] for option in options}) != len(options):
        raise invalid("components.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "an option is there twice")


def _resolve(part: Json, files: Mapping[str, Attachment]) -> None:
    """Replace `attachment://name` by where the file is; a File component may hold nothing else."""
    for holder, name in [(part, "file"), (part, "media"), *((item, "media") for item in part.get("items", []))]:
        media = holder.get(name)
        if not isinstance(media, dict) or "url" not in media:
            continue
        address = media["url"]
        if address.startswith("attachment://"):
            file = files.get(address.removeprefix("attachment://"))
            if file is None:
                raise invalid("components", "ATTACHMENT_NOT_FOUND", "The referenced attachment was not found")
            holder[name] = _media(file)
            if part["type"] == 13:
                part |= {"name": file.filename, "size": len(file.content)}
        elif part["type"] == 13:
            raise invalid("components.file.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('attachment',)")


def _media(file: Attachment) -> Json:
    return {
        "url": file.url,
        "proxy_url": file.url,
        "content_type": file.content_type,
        "attachment_id": str(file.id),
        "placeholder": None,
        "loading_state": 2,
    }
