"""Every file of firmware/boards/: what a board's file says can be, by the rules of its chip (board_rules.py). One
contract for all. No board here has been tried.
"""

from board_rules import CHIPS, KNOWN, NOT_OCTAL, boards, load, wrong


def test_every_board_can_be():
    assert [(name, fault) for name in boards() for fault in wrong(name, load(name))] == []


def test_the_boards_that_people_have_are_there():
    names = boards()
    assert set(names) >= {"c3supermini", "c6devkit", "s3devkit", "tembed", "heltecv3", "t3s3", "t3v161", "powk", "powu",
                          "powp1", "pow", "raspberrypi"}
    chips = {load(name)["CHIP"] for name in names}
    assert chips == set(CHIPS)
    assert set(NOT_OCTAL) <= set(names)


def test_a_board_is_data_and_names_its_source():
    for name in boards():
        with open("firmware/boards/%s.py" % name) as f:
            _, doc, code = f.read().split('"""')
        assert "Pins" in doc and ("." in doc), name
        for line in code.split("\n"):
            line = line.split("#")[0].strip()
            assert not line or " = " in line and line.split(" = ")[0] in KNOWN, (name, line)
            assert not any(word in line for word in ("import", "lambda", "if ", ".__")), (name, line)


GOOD = {"NAME": "A board", "CHIP": "esp32c3", "FORM": "image", "PROVEN": "nothing", "BLUETOOTH": "apart",
        "HAN": (1, 1, None, False, "mbus"), "RADIO": ("cc1101", 1, 4, 6, 5, 7, 3, None), "LED": (8, 0),
        "BUTTON": (9, 0), "SUPPLY": (0, 33, 22), "LOW_MV": 3100}
# What is changed (None: taken out), and what is said of it.
BAD = (
    ({"HAN": (1, 4, None, False, "mbus")}, "pin 4 is for HAN rx and for sck"),
    ({"HAN": (1, 2, None, False, "mbus")}, "pin 2 is read at reset"),
    ({"HAN": (1, 20, None, False, "mbus")}, "pin 20 is the console's"),
    ({"HAN": (1, 19, None, False, "mbus")}, "pin 19 is of USB"),
    ({"HAN": (1, 13, None, False, "mbus")}, "the flash's"),
    ({"HAN": (1, 22, None, False, "mbus")}, "no pin 22"),
    ({"HAN": (0, 1, None, False, "mbus")}, "UART 0 is the console's"),
    ({"HAN": (2, 1, None, False, "mbus")}, "UART 2"),
    ({"HAN": (1, 1, None, False, "optical")}, "front"),
    ({"HAN": (1, 1, None, 2, "mbus")}, "inverted"),
    ({"HAN": (1, 1, None, False)}, "5 parts"),
    ({"HAN": (1, None, None, False, "mbus"), "RADIO_UART": (1, 1, None)}, "one UART for two"),
    ({"RADIO": ("cc1101", 1, 4, 6, 5, 7, 10, 3)}, "HAN without tx takes pin 10, which is for gdo0"),
    ({"RADIO": ("cc1102", 1, 4, 6, 5, 7, 10, 3)}, "no such chip"),
    ({"RADIO": ("cc1101", 1, 4, 6, 5, 7, 10)}, "not its pins"),
    ({"RADIO": ("cc1101", 2, 4, 6, 5, 7, 10, 3)}, "no SPI 2"),
    ({"RADIO": ("cc1101", 1, 4, 6, 5, 7, None, 3)}, "missing"),
    ({"RADIO": ("cc1101", 1, 4, 6, 5, "7", 10, 3)}, "not a pin"),
    ({"RADIO": ("cc1101", 1, 4, 6, 5, 9, 10, 3), "BUTTON": None}, "pin 9 is read at reset"),
    ({"LED": (8, 2)}, "level"),
    ({"SUPPLY": (10, 33, 22), "RADIO": None}, "not of ADC1"),
    ({"SUPPLY": (0, 33, 0)}, "resistances"),
    ({"LOW_MV": None}, "goes with"),
    ({"SET": ((4, 1),)}, "pin 4 is for sck and for SET"),
    ({"FORM": "slots"}, "FORM"),
    ({"FORM": None}, "no FORM"),
    ({"BLUETOOTH": "with"}, "BLUETOOTH"),
    ({"CHIP": "esp8266"}, "no such chip"),
    ({"PROVEN": "surely"}, "PROVEN"),
    ({"HNA": (1, 1, None, False, "mbus")}, "unknown: HNA"),
    ({"CHIP": "esp32s3", "BLUETOOTH": "with", "LED": (35, 1)}, "PSRAM's"),
    ({"CHIP": "esp32", "BLUETOOTH": "with", "HAN": (1, 13, 34, False, "ttl"), "SUPPLY": None, "LOW_MV": None,
      "RADIO": None}, "cannot be driven"),
    ({"CHIP": "linux", "FORM": "slots", "BLUETOOTH": None}, "device file"),
)


def changed(changes):
    """GOOD with changes."""
    board = dict(GOOD)
    for field in changes:
        board[field] = changes[field]
    return {field: board[field] for field in board if board[field] is not None}


def test_a_board_that_cannot_be_is_found():
    assert list(wrong("good", GOOD)) == []
    for changes, said in BAD:
        found = list(wrong("bad", changed(changes)))
        assert any(said in fault for fault in found), (changes, found)
    assert any("letters" in fault for fault in wrong("Bad_1", GOOD))
