"""What a new owner must not find: the former household's history, keys, consents and Wi-Fi.

A re-claim wipes these; a factory reset also forgets the works and its orders and everything that waits to be sent. The
key pair and the counters stay in both: the gateway's id follows from the key, and a counter that began anew would let
old orders in again. Each step can be repeated, so that one cut short is done again from the start.
"""

import json

from ..spool import nor


def _empty(files, folder):
    for name in files.names(folder):
        files.remove(folder + "/" + name)


def household(files, folder, factory=False, areas=()):
    """Wipe a gateway's folder; it must not be running. `files` has the functions of `port.files`, `areas` are the parts
    of the flash for values and for telegrams, where the spool lies on flash."""
    _config(files, folder + "/config.json")
    data = files.read_whole(folder + "/orders.json")
    if data is not None and not factory:
        try:
            orders = json.loads(data)
        except ValueError:
            orders = None
        # The works' order of own meters was for the former household.
        rest = {name: orders[name] for name in orders if name != "own_meters"} if isinstance(orders, dict) else {}
        files.write_secret(folder + "/orders.json", json.dumps(rest).encode())
    for name in ("own.json", "han.json", "wifi.json"):
        files.remove(folder + "/" + name)
    _empty(files, folder + "/history")
    # The household's hours and events that wait to be sent would go to the new owner's account.
    _empty(files, folder + "/spool/values")
    for area in areas[:2 if factory else 1]:
        nor.wipe(area)
    if factory:
        _empty(files, folder + "/spool/telegrams")
        for name in ("orders.json", "works.json", "works.old.json"):
            files.remove(folder + "/" + name)


def _config(files, path):
    data = files.read_whole(path)
    if data is None:
        return
    try:
        settings = json.loads(data)
    except ValueError:
        files.remove(path)  # what cannot be read cannot be cleaned
        return
    settings["own_meters"] = []
    for name in ("consent", "wifi"):
        settings.pop(name, None)
    if isinstance(settings.get("han"), dict):
        for name in ("send", "ek", "ak"):
            settings["han"].pop(name, None)
    files.write_secret(path, json.dumps(settings).encode())
