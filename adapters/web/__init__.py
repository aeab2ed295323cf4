"""The web page: one channel with threads, its cards and its live answers, served by aiohttp alone."""

from adapters.web.adapter import WebAdapter
from adapters.web.people import WebPeople, check_exposure

__all__ = ["WebAdapter", "WebPeople", "check_exposure"]
