"""`board` as a port: a gateway as it starts, with a HAN port and a radio module where the board has them."""

import sys

from firmware import port

port.tidy()  # before the imports: what they leave would lie all over a small heap

from board_rig import folder, made
from fake_machine import Chip

from firmware import config
from firmware.errors import ConfigError


class Madeup:
    """A board that is in no file."""

    HAN = (1, 20, None, True, "p1")
    RADIO_UART = (2, 4, 5)
    SUPPLY = (10, 33, 22)
    LOW_MV = 3100


class Linux(Madeup):
    """A board with an operating system."""

    HAN = ("/dev/serial0", None, None, False, "ttl")
    RADIO_UART = ("/dev/ttyAMA1", None, None)


class Bare:
    """A board without either."""

    SUPPLY = (10, 33, 22)
    LOW_MV = 3100


MADE = []  # a gateway's folder is its own as long as it lives


def gateway(board, **settings):
    """The gateway that starts on a board."""
    name = "firmware.boards.madeup"
    sys.modules[name] = board
    MADE.append(board)
    try:
        return made(folder("ports%d" % len(MADE), board="madeup", **settings), Chip())
    finally:
        del sys.modules[name]


def test_a_port_is_where_the_board_has_it():
    for settings in ({"han": {}, "radios": [{"radio": "bursts"}]},
                     {"han": {"port": "board"}, "radios": [{"radio": "bursts", "port": "board"}]}):
        g = gateway(Madeup, **settings)
        assert g.config["han"]["port"] == "board" and g.config["han"]["line"] == Madeup.HAN
        assert g.radios[0][1] == "uart:2:4:5:57600:8N1"


def test_a_module_has_its_own_setting():
    from firmware.radios import bursts
    bursts.Radio.LINE = "19200:8N1"
    try:
        assert gateway(Madeup, radios=[{"radio": "bursts"}]).radios[0][1] == "uart:2:4:5:19200:8N1"
    finally:
        del bursts.Radio.LINE


def test_a_board_of_an_operating_system_names_its_lines():
    g = gateway(Linux, han={}, radios=[{"radio": "bursts"}])
    assert g.config["han"]["port"] == "/dev/serial0" and g.radios[0][1] == "/dev/ttyAMA1:57600:8N1"


def test_what_the_configuration_names_goes_before_the_board():
    g = gateway(Madeup, han={"port": "usb"}, radios=[{"radio": "bursts", "port": "tcp://127.0.0.1:1"}])
    assert g.config["han"]["port"] == "usb" and g.radios[0][1] == "tcp://127.0.0.1:1"


def test_what_the_board_does_not_have_is_said():
    for settings, text in (({"han": {}}, "han.port: the board madeup names no HAN"),
                           ({"radios": [{"radio": "bursts"}]}, "radios[0].port: the board madeup names no RADIO_UART")):
        try:
            gateway(Bare, **settings)
            raise AssertionError("taken")
        except ConfigError as e:
            assert str(e) == text


def test_without_a_board_there_is_no_port_of_it():
    works = {"interval": 900, "window": 3600}
    for raw, text in (({"han": {"port": "board"}}, "han.port: name the board"), ({"han": {}}, "han.port: a text"),
                      ({"han": {"port": "uart:1:2:3:2400:8N1"}}, "han.port: board, tcp"),
                      ({"radios": [{"radio": "bursts", "port": "board"}]}, "radios[0].port: name the board")):
        try:
            config.check(raw, works)
            raise AssertionError("taken")
        except ConfigError as e:
            assert str(e).startswith(text), e
    assert config.check({"han": {"port": "usb:115200"}}, works)["han"]["port"] == "usb:115200"
