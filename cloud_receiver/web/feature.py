"""What a feature declares in its folder's `__init__`, and how it is found: by the folder's name, told nowhere else.

    ROUTES   Route(method, path, roles, "module.method",
                   log_in): who may ask for it, and what answers. The module is one
             of the feature's; it has a class of its own name with a capital (`page` -> `Page`, `api` -> `Api`), made
             once a receiver as Page(site), whose method takes the request. log_in: only where people log in
    MENU     Menu(order, path, text, roles, log_in): its entry in the main menu, or None
    SERVICE  "module.Class" of what runs beside the pages, or None: Class(receiver) with `run()` (until cancelled),
             `close()` and `gauges()` (name -> (text, value) for the metrics)

The menu entry with the lowest order that somebody's role may see is also where they begin, if there is no overview at
"/". What another feature shows may be gone: templates write links to it with `to(address, shown)`, which shows the text
alone then, and ask `has(address)` for whole blocks; Python asks `site.has(address)`.

Its templates lie beside its `__init__` and are asked for as "folder/name.html". What browsers fetch lies in its
`static/`, in names that no other feature has.
"""

import importlib
import pkgutil
import re
from collections import namedtuple
from pathlib import Path

Route = namedtuple("Route", ("method", "path", "roles", "answers", "log_in"), defaults=(False,))
Menu = namedtuple("Menu", ("order", "path", "text", "roles", "log_in"), defaults=(False,))
# name: of its folder; folder: its Path; module: its package.
Feature = namedtuple("Feature", ("name", "folder", "module", "routes", "menu", "service"))


def installed(package) -> "list[Feature]":
    """The features that lie in a package's folder, by name."""
    features = []
    for entry in sorted((e for e in pkgutil.iter_modules(package.__path__) if e.ispkg), key=lambda e: e.name):
        module = importlib.import_module(f"{package.__name__}.{entry.name}")
        features.append(Feature(entry.name, Path(module.__path__[0]), module, getattr(module, "ROUTES", ()),
                             getattr(module, "MENU", None), getattr(module, "SERVICE", None)))
    return features


def service(feature: Feature):
    """The class of a feature's service."""
    module, name = feature.service.rsplit(".", 1)
    return getattr(importlib.import_module(f"{feature.module.__name__}.{module}"), name)


class Addresses:
    """The addresses at which something can be had."""

    def __init__(self, paths):
        """paths: as routed, "/meters/{id}"."""
        parts = ("[^/]+".join(map(re.escape, re.split(r"{\w+}", path))) for path in paths)
        self._pattern = re.compile(f"(?:{'|'.join(parts) or '(?!)'})(?:[?#].*)?", re.S)

    def __contains__(self, address: str) -> bool:
        """Whether an address is one of them; what is behind its ? or # is not looked at."""
        return self._pattern.fullmatch(address) is not None


class Answers:
    """The methods that answer a feature's routes; the object behind them is made once a receiver."""

    def __init__(self, site):
        self._site, self._objects = site, {}

    def method(self, feature: Feature, answers: str):
        """The bound method of "module.method"."""
        module, method = answers.rsplit(".", 1)
        return getattr(self.object(feature, module), method)

    def object(self, feature: Feature, module: str):
        """The object of a feature's module."""
        name = f"{feature.module.__name__}.{module}"
        if name not in self._objects:
            self._objects[name] = getattr(importlib.import_module(name), module.capitalize())(self._site)
        return self._objects[name]
