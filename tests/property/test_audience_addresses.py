from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.audience.address import Address, AddressError, parse_address, parse_slowly

# What decides about an address, much denser than in random text.
ALPHABET = "abAB09.-_+'@=| \t\"(),:;<>[]\\\n\0é\u0308ß。☃\u200bxn"
LOCALS = st.text("abAB09.-_+'=|!", max_size=70)
LABELS = st.one_of(
    st.text("abAB09-", max_size=66),
    st.sampled_from(("xn--bcher-kva", "bücher", "test", "local", "example", "org", "ex--ample")),
)
DOMAINS = st.lists(LABELS, max_size=8).map(".".join)
NEARLY = st.builds("{}@{}".format, LOCALS, DOMAINS)
TEXTS = st.one_of(NEARLY, st.text(ALPHABET, max_size=40), st.text(max_size=40))


def outcome(text: str, *, slowly: bool) -> Address | None:
    """Return the address, or None if it is refused."""
    try:
        return parse_slowly(text) if slowly else parse_address(text)
    except AddressError:
        return None


@given(TEXTS)
@example("a@b.o1")
@example("a@b.test")
@example("a@b.TEST")
@example("a@x.invalid")
@example("a@my--shop.org")
@example("a@xn--bcher-kva.org")
@example(f"{'a' * 64}@b.org")
@example(f"{'a' * 65}@b.org")
@example(f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.org")
@example(f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.org")
def test_the_short_way_is_only_shorter(text: str) -> None:
    """Whatever looks plain gets the verdict and the forms that full validation gives."""
    assert outcome(text, slowly=False) == outcome(text.strip(" \t"), slowly=True)


@given(TEXTS)
def test_what_is_accepted_is_safe_to_send_to(text: str) -> None:
    """One recipient in printable ASCII, nothing to quote, within the limits of SMTP."""
    address = outcome(text, slowly=False)
    if address is None:
        return

    local, at, domain = address.given.partition("@")
    assert at
    assert address.given.isascii()
    assert address.given.isprintable()
    assert not set(address.given) & set(' "(),:;<>[]\\')
    assert len(local) <= 64
    assert len(address.given) <= 254
    assert domain == domain.lower()
    assert address.normalised == address.given.lower()


@given(TEXTS)
def test_parsing_again_changes_nothing(text: str) -> None:
    """Both forms are addresses, and their own normal forms."""
    address = outcome(text, slowly=False)
    if address is None:
        return

    assert parse_address(address.given) == address
    assert parse_address(address.normalised).normalised == address.normalised


@given(NEARLY)
def test_case_never_makes_two_people(text: str) -> None:
    """However it is typed, an address is one."""
    address = outcome(text, slowly=False)
    if address is None or not text.isascii():
        return

    assert parse_address(text.swapcase()).normalised == address.normalised
