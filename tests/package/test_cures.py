"""What our messages tell a person to type: it exists, it is written in full, and its value is allowed."""

from functools import cache

from cures import (
    ROOMS,
    ROOT,
    faults_of_commands,
    faults_of_installs,
    faults_of_names,
    faults_of_options,
    literals,
)


@cache
def texts():
    """Every text of the sources as (place, room, text)."""
    return [
        (f"{path.relative_to(ROOT)}:{line}", room, text)
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, text in literals(path)
    ]


def wrong(check):
    """What a check finds in all texts: the place, the text and the fault."""
    return [f"{place} says {text!r}; {fault}" for place, room, text in texts() for fault in check(room, text)]


def test_every_option_that_a_message_names_can_be_typed():
    assert wrong(lambda room, text: faults_of_options(text, leaf=room != "tradewinds")) == []


def test_every_key_that_a_message_names_exists():
    assert wrong(lambda room, text: faults_of_names(text) if room == "tradewinds" else ()) == []


def test_every_command_and_every_flag_that_a_message_names_exists():
    assert wrong(lambda room, text: faults_of_commands(text)) == []


def test_every_package_that_a_message_tells_to_install_is_one_of_the_project_s():
    assert wrong(lambda room, text: faults_of_installs(text)) == []
