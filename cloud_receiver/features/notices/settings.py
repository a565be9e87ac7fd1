"""notices.json in the receiver's directory: where notices go, and what is to be noticed."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ...office.directory import SettingsError
from ...office.json_files import Malformed, read_json

# Plain HTTP only to this machine.
WEBHOOKS = ("https://", "http://127.0.0.1", "http://localhost")
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Email(msgspec.Struct, rename={"sender": "from", "recipients": "to"}):
    """The mail server, and between whom."""

    host: Text
    sender: Text
    recipients: Annotated[list[Text], msgspec.Meta(min_length=1)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""


class Webhook(msgspec.Struct):
    """What is posted to."""

    url: str


class NoticeSettings(msgspec.Struct):
    """What is noticed, in which language, and where it goes."""

    of: list[Literal["gateways", "alarms"]] = msgspec.field(default_factory=lambda: ["gateways", "alarms"])
    alarms: list[str] = []  # none: every alarm
    language: Literal["nb", "en"] = "nb"
    link: str = ""  # where people reach the pages
    email: "Email | None" = None
    webhook: "Webhook | None" = None


def load(path: Path) -> "NoticeSettings | None":
    """The settings, checked; None where there is no such file. Raises SettingsError with one line."""
    try:
        settings = read_json(path, NoticeSettings)
    except FileNotFoundError:
        return None
    except Malformed as e:
        raise SettingsError(str(e)) from None
    if settings.webhook is not None and not settings.webhook.url.startswith(WEBHOOKS):
        raise SettingsError(f"{path}: webhook.url: it is to begin with https://; correct it there")
    if settings.email is None and settings.webhook is None:
        raise SettingsError(f"{path}: neither email nor webhook is set up; add one, or take the file away")
    settings.link = settings.link.rstrip("/")
    return settings
