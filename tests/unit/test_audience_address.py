from __future__ import annotations

import pytest

from pipeline.audience.address import (
    MAX_ADDRESS,
    MAX_NAME,
    Address,
    AddressError,
    clean_name,
    parse_address,
)

LABEL = "b" * 63


@pytest.mark.parametrize(
    ("text", "given", "normalised"),
    [
        ("ann@example.org", "ann@example.org", "ann@example.org"),
        ("Ann.Lee@Example.ORG", "Ann.Lee@example.org", "ann.lee@example.org"),
        ("ann+news@example.org", "ann+news@example.org", "ann+news@example.org"),
        (" \tann@example.org ", "ann@example.org", "ann@example.org"),
        ("a@b.example.org", "a@b.example.org", "a@b.example.org"),
        ("o'neil@example.org", "o'neil@example.org", "o'neil@example.org"),
        ("=cmd|calc@example.com", "=cmd|calc@example.com", "=cmd|calc@example.com"),
        ("-oQ@example.com", "-oQ@example.com", "-oq@example.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@bu\u0308cher.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@example。org", "ann@example.org", "ann@example.org"),
        ("ann@ｅxample.org", "ann@example.org", "ann@example.org"),
        ("a@shop--one.example.org", "a@shop--one.example.org", "a@shop--one.example.org"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
        (f"a@{LABEL}.org", f"a@{LABEL}.org", f"a@{LABEL}.org"),
    ],
)
def test_an_address_has_a_form_to_send_to_and_one_to_compare(
    text: str, given: str, normalised: str
) -> None:
    """The domain is lower-case A-labels in both; the local part is as typed in the first."""
    assert parse_address(text) == Address(given, normalised)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no address"),
        ("   ", "no address"),
        ("ann", "@"),
        ("@", "before the @"),
        ("@example.org", "before the @"),
        ("ann@", "after the @"),
        ("ann@@example.org", "invalid characters"),
        ("ann@bob@example.org", "invalid characters"),
        ("ann@localhost", "period"),
        ("ann@example", "period"),
        ("ann@example.test", "special-use"),
        ("ann@printer.local", "special-use"),
        ("ann@example.org.", "period"),
        ("ann@.example.org", "period"),
        ("ann@example..org", "periods in a row"),
        (".ann@example.org", "period"),
        ("ann.@example.org", "period"),
        ("ann..lee@example.org", "periods in a row"),
        ("ann@-example.org", "hyphen"),
        ("ann@example-.org", "hyphen"),
        ("ann@exa_mple.org", "invalid characters"),
        ("ann@ex--ample.org", "two dashes"),
        ("ann@192.0.2.1", "top-level domain"),
        ("ann@[192.0.2.1]", "bracketed"),
        ("ann@example.o1", "top-level domain"),
        ('"ann lee"@example.org', "a space"),
        ('"ann"@example.org', "Quoting"),
        ("ann(comment)@example.org", "invalid characters"),
        ("Ann <ann@example.org>", "a space"),
        ("<ann@example.org>", "angle brackets"),
        ("mailto:ann@example.org", "invalid characters"),
        ("ann@example.org,bob@example.org", "invalid characters"),
        ("ann;bob@example.org", "invalid characters"),
        ("ann\\@example.org", "invalid characters"),
        ("@relay.example.org:ann@example.org", "@-sign"),
        ("ann@example.org>\r\nRCPT TO:<eve@example.org", "invisible character, '\\r'"),
        ("ann\n@example.org", "invisible character, '\\n'"),
        ("ann@example.org\n", "invisible character, '\\n'"),
        ("ann@example.org\x00", "invisible character, '\\x00'"),
        ("an\u200bn@example.org", "invisible character, '\\u200b'"),
        ("ann@exam\u00adple.org", "invisible character, '\\xad'"),
        ("\ufeffann@example.org", "invisible character, '\\ufeff'"),
        ("ann@\u202egro.elpmaxe", "invisible character, '\\u202e'"),
        ("ann\u00a0@example.org", "invisible character, '\\xa0'"),
        ("ann\ud800@example.org", "invisible character"),
        ("ünn@example.org", "not ASCII"),
        ("аnn@example.org", "not ASCII"),
        ("ann@xn--a.org", "IDNA"),
        ("ann@☃.example.org", "not allowed"),
        (f"{'a' * 65}@example.org", "too long before the @"),
        (f"a@{'b' * 64}.org", "separated by so many characters"),
        (f"a@{'.'.join([LABEL] * 4)}.org", "too long"),
        (f"{'a' * 64}@{'.'.join([LABEL] * 3)}.org", "too long"),
        ("a" * 100_000, "@"),
        (f"{'a.' * 50_000}a@example.org", "too long before the @"),
    ],
)
def test_what_smtp_cannot_carry_is_refused_with_the_reason(text: str, reason: str) -> None:
    """Nothing is mended in silence: what is not exactly one plain address is none."""
    with pytest.raises(AddressError, match=reason.replace("\\", "\\\\")) as refusal:
        parse_address(text)

    assert refusal.value.reason in str(refusal.value)
    assert str(refusal.value).isprintable()


def test_an_error_shows_no_more_than_an_address_of_what_was_typed() -> None:
    """A pasted book does not fill the terminal."""
    with pytest.raises(AddressError) as refusal:
        parse_address("x" * 10_000)

    assert len(str(refusal.value)) < MAX_ADDRESS * 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Ann   Lee ", "Ann Lee"),
        ("Ann\r\nBcc: eve@example.org", "Ann Bcc: eve@example.org"),
        ("Ann\x00\x1b[31m Lee", "Ann[31m Lee"),
        ("\u202eeeL\u2066 nnA", "eeL nnA"),
        ("Zoë O’Neil 🗞", "Zoë O’Neil 🗞"),
        ("x" * 5000, "x" * MAX_NAME),
        ("\u200b", ""),
    ],
)
def test_a_name_is_mended(text: str, name: str) -> None:
    """Nobody is lost for a strange name, and no header is broken by one."""
    assert clean_name(text) == name
