from __future__ import annotations

import pytest

from pipeline.senders.address import BadAddress, wire_address


@pytest.mark.parametrize(
    ("address", "on_the_wire"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Ada.Byron+news@Example.org", "Ada.Byron+news@Example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),  # IDNA 2003 would say strasse
        ("ada@localhost", "ada@localhost"),
    ],
)
def test_a_plain_address_keeps_its_form(address: str, on_the_wire: str) -> None:
    """Nothing of an address is guessed; only an international domain has another spelling."""
    assert wire_address(address, smtputf8=False) == on_the_wire


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@@example.org",
        "a@e.org, b@evil.example",
        "ada@example.org>",
        "<ada@example.org>",
        "@relay.example:ada@example.org",
        "ada@example.org\r\nRCPT TO:<eve@example.org>",
        "ada\n@example.org",
        "ada\0@example.org",
        "ada\u2028@example.org",
        "ada\u200b@example.org",  # invisible
        "ada byron@example.org",
        '"ada"@example.org',
        ".ada@example.org",
        "ada..byron@example.org",
        "ada@example..org",
        "ada@-example.org",
        "ada@exa_mple.org",
        "ada@[192.0.2.1]",
        "ada@example.org.",
        "ada@\u2028.example",
        "a" * 65 + "@example.org",
        "a" * 64 + "@" + ".".join(["a" * 60] * 4) + ".org",
        "ada@example.org\n",
        "ada@" + "a" * 64 + ".org",
        "a@" + ".".join(["a" * 60] * 5),
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    """What could be two addresses, two commands or no address never reaches a server."""
    with pytest.raises(BadAddress) as refused:
        wire_address(address, smtputf8=True)

    assert refused.value.refusal().code == 553
    assert refused.value.refusal().reply.startswith("5.1.3 ")


def test_a_local_part_needs_a_server_that_takes_it() -> None:
    """A non-ASCII local part is carried or refused by name, and never respelled."""
    assert wire_address("ådå@example.org", smtputf8=True) == "ådå@example.org"
    with pytest.raises(BadAddress) as refused:
        wire_address("ådå@example.org", smtputf8=False)

    assert refused.value.refusal().reply.startswith("5.6.7 ")
