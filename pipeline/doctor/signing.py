"""D4: our own DKIM signatures, as a receiver checks them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from msgspec import Struct

from pipeline.doctor.domains import aligned
from pipeline.doctor.mail import Mail
from pipeline.doctor.rule import Family, Finding, Level, NotChecked, Rule, Said
from pipeline.doctor.signature import (
    PublicKey,
    Signature,
    body_hash_holds,
    rsa_bits,
    signature_holds,
    signatures,
)

WEAK_BITS: Final = 2048  # of RSA (RFC 8301 3.2)
OVER_SIGNED: Final = ("from", "to", "subject", "date")


class SignedMail(Struct, frozen=True, kw_only=True, dict=True):
    """A message and the keys that should have signed it."""

    mail: Mail
    keys: Mapping[str, PublicKey]  # by selector

    @cached_property
    def signatures(self) -> tuple[Signature, ...]:
        """The signatures, from the top down."""
        return signatures(self.mail.raw)


def aligned_signature(signed: SignedMail) -> Iterator[Finding]:
    """D401."""
    domains = [each.domain for each in signed.signatures]
    if not any(aligned(domain, signed.mail.from_domain) for domain in domains):
        yield Finding(
            f"signed for {', '.join(domains) or 'nobody'}, sent from {signed.mail.from_domain}"
        )


def holds(signed: SignedMail) -> Iterator[Said]:
    """D402: with the public half of our own keys; the DNS is asked by D907."""
    for each in signed.signatures:
        key = signed.keys.get(each.selector)
        if key is None:
            yield Finding(f"the signature of {each.selector} is of no key in the settings")
        elif not body_hash_holds(each, signed.mail.raw):
            yield Finding(f"the body is not the one that {each.selector} signed")
        elif not signature_holds(each, signed.mail.raw, key):
            yield Finding(f"the header is not the one that {each.selector} signed")
    if not signed.signatures:
        yield NotChecked("there is no signature")


def one_click_covered(signed: SignedMail) -> Iterator[Finding]:
    """D403: a signature that leaves them out lets anybody put in another way out."""
    wanted = {"list-unsubscribe", "list-unsubscribe-post"}
    if not any(wanted <= set(each.signed) for each in signed.signatures):
        yield Finding("no signature covers List-Unsubscribe and List-Unsubscribe-Post")


def coverage(signed: SignedMail) -> Iterator[Finding]:
    """D404."""
    for each in signed.signatures:
        counted = Counter(each.signed)
        once = [name for name in OVER_SIGNED if counted[name] < 2]
        if "from" not in counted:
            yield Finding(f"the signature of {each.selector} does not cover From")
        elif once:
            yield Finding(
                f"somebody could add another {', '.join(once)} below {each.selector}'s signature"
            )
        if "l" in each.tags:
            yield Finding(f"the signature of {each.selector} leaves the end of the body open (l=)")


def algorithms(signed: SignedMail) -> Iterator[Finding]:
    """D405: many receivers know only RSA, and look at the first signature."""
    found = [each.algorithm for each in signed.signatures]
    if found and found[0] != "rsa-sha256":
        yield Finding(f"the first signature is {found[0] or 'of no algorithm'}")
    for each in signed.signatures:
        key = signed.keys.get(each.selector)
        if each.algorithm not in {"rsa-sha256", "ed25519-sha256"}:
            yield Finding(f"{each.algorithm or 'no algorithm'} is not accepted any more")
        elif key and each.algorithm == "rsa-sha256" and rsa_bits(key.public) < WEAK_BITS:
            yield Finding(f"the key of {each.selector} has {rsa_bits(key.public)} bits")


_KEYGEN: Final = "make a key with `broadsheet dkim keygen` and name it in [dkim]"
_CHANGED: Final = "look at what changed the message after it was signed"

SIGNING: Final = Family(
    name="signature",
    about="The signatures of [dkim] on the same message.",
    rules=(
        Rule(
            code="D401",
            title="A signature is for the domain of From, or one above or beneath it",
            level=Level.PROVIDER,
            source="RFC 9989; Gmail, Yahoo and Microsoft sender guidelines",
            remedy="set dkim.domain to the domain of newsletter.from",
            check=aligned_signature,
        ),
        Rule(
            code="D402",
            title="Every signature is valid",
            level=Level.MUST,
            source="RFC 6376 6.1; RFC 8058 4",
            remedy=_CHANGED,
            check=holds,
        ),
        Rule(
            code="D403",
            title="A signature covers both fields of one-click unsubscribing",
            level=Level.MUST,
            source="RFC 8058 4",
            remedy=_CHANGED,
            check=one_click_covered,
        ),
        Rule(
            code="D404",
            title="Signatures cover From and the whole body, and nobody can add a second From",
            level=Level.MUST,
            source="RFC 6376 5.4, 8.2, 8.15",
            remedy=_CHANGED,
            check=coverage,
        ),
        Rule(
            code="D405",
            title="The first signature is RSA of 2048 bits or more; a second may be Ed25519",
            level=Level.MUST,
            source="RFC 8301 3; RFC 8463 3",
            remedy=_KEYGEN,
            check=algorithms,
        ),
    ),
)
