"""The resolver against a name server on loopback, and the DNS rules over it."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from pipeline.doctor.dns import DNS
from pipeline.doctor.resolver import Dns
from pipeline.doctor.rule import Outage, Status
from tests.unit.doctor_dns import Records, name_server
from tests.unit.doctor_places import HOME, NAMES, TABLE

LONG: Final = "p" * 300
RECORDS: Final[Records] = {
    **{
        (name, "TXT"): [f'"{text}"' for text in texts] for name, texts in TABLE.txt_records.items()
    },
    (HOME, "MX"): ["20 backup.example.org.", "10 mx.example.org."],
    ("mail.example.org", "A"): ["192.0.2.7"],
    ("mail.example.org", "AAAA"): ["2001:db8::7"],
    ("mx.example.org", "A"): ["198.51.100.9"],
    ("7.2.0.192.in-addr.arpa", "PTR"): ["Mail.Example.org."],
    ("none.example.org", "MX"): ["0 ."],
    ("long.example.org", "TXT"): [f'"{LONG[:255]}" "{LONG[255:]}"'],
}


def test_records_are_read_as_rules_want_them() -> None:
    """Strings of a TXT are joined, the best MX comes first, the null MX has no host."""
    with name_server(RECORDS) as port:
        asked = Dns(["127.0.0.1"], port)

        assert asked.txt("long.example.org") == (LONG,)
        assert asked.mx(HOME) == ((10, "mx.example.org"), (20, "backup.example.org"))
        assert asked.mx("none.example.org") == ((0, ""),)
        assert asked.addresses("mail.example.org") == ("192.0.2.7", "2001:db8::7")
        assert asked.names("192.0.2.7") == ("mail.example.org",)


def test_a_name_that_is_not_there_has_nothing() -> None:
    """Neither has one without records of that type."""
    with name_server(RECORDS) as port:
        asked = Dns(["127.0.0.1"], port)

        assert asked.txt("nowhere.example.org") == ()
        assert asked.txt("mail.example.org") == ()
        assert asked.names("192.0.2.8") == ()


def test_a_server_that_refuses_is_an_outage() -> None:
    """No answer is not the answer that there is nothing."""
    with name_server(RECORDS, mute=True) as port, pytest.raises(Outage, match="TXT"):
        Dns(["127.0.0.1"], port).txt(HOME)


def test_an_answer_is_remembered() -> None:
    """Rules may ask the same thing again when the server is gone."""
    with name_server(RECORDS) as port:
        asked = Dns(["127.0.0.1"], port)
        first = asked.txt(HOME)

    assert asked.txt(HOME) == first


def test_a_good_sender_passes_over_the_wire() -> None:
    """The rules see in the DNS what they see in a table."""
    with name_server(RECORDS) as port:
        names = replace(NAMES, resolver=Dns(["127.0.0.1"], port))

        results = list(DNS.examine(names))

    assert [each for each in results if each.status is not Status.PASSED] == []
