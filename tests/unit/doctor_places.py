"""Settings, files, a database, a site and a DNS that every rule likes, and the ways to spoil them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.doctor.configuration import Configuration
from pipeline.doctor.dns import Names, Published
from pipeline.doctor.probing import Answer, Standing, Step, Walk
from pipeline.doctor.rule import Outage
from pipeline.doctor.store import Contents, Files, PrivateFile
from pipeline.model.newsletter import Mailbox, Newsletter

Row = TypeVar("Row")

CONFIGURATION: Final = Configuration(
    newsletter=Newsletter(
        postal_address="1 Quay Street", reply_to=Mailbox(address="editor@news.example.org")
    ),
    sender_kind="smtp",
    sender_options={"host": "smtp.example.org"},
    signs=True,
)


def newsletter(**changes: Any) -> Configuration:
    """Return the good settings with another newsletter."""
    return replace(CONFIGURATION, newsletter=replace(CONFIGURATION.newsletter, **changes))


def options(**changes: Any) -> Configuration:
    """Return the good settings with other options of the sender."""
    return replace(CONFIGURATION, sender_options=changes)


DATABASE_FILE: Final = PrivateFile(name="broadsheet.db", mode=0o600, age=timedelta(days=400))
COPY: Final = PrivateFile(
    name="broadsheet.db.0002.backup", mode=0o600, age=timedelta(days=34), is_copy=True
)
FILES: Final = Files(
    folder="data",
    mode=0o700,
    private=(DATABASE_FILE, COPY),
    has_database=True,
    has_secret=True,
    secret_problem="",
    database_bytes=2**20,
    free_bytes=2**30,
    unread=0,
)
CONTENTS: Final = Contents(
    sqlite_version="3.51.3",
    journal_mode="wal",
    wal_is_safe=True,
    revision="0003",
    newest_revision="0003",
)

ACTIVE: Final = Standing(active=True, words=2)
LEFT: Final = Standing(active=False, words=3)
PAGE: Final = Answer(
    "GET",
    200,
    (
        ("cache-control", "no-store"),
        ("x-robots-tag", "noindex"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("x-content-type-options", "nosniff"),
    ),
    0.01,
)
DONE: Final = Answer("POST urlencoded", 200, (), 0.02)
NOT_FOUND: Final = replace(DONE, status=404)
WALK: Final = Walk(
    reading=Step(answers=(PAGE, replace(PAGE, asked="HEAD")), before=ACTIVE, after=ACTIVE),
    forged=Step(answers=(NOT_FOUND,), before=ACTIVE, after=ACTIVE),
    foreign=Step(answers=(replace(PAGE, status=400),), before=ACTIVE, after=ACTIVE),
    urlencoded=Step(answers=(DONE,), before=ACTIVE, after=LEFT),
    again=Step(answers=(DONE,), before=LEFT, after=LEFT),
    multipart=Step(answers=(DONE,), before=ACTIVE, after=LEFT),
)


def step(name: str, *, after: Standing | None = None, **changes: Any) -> Walk:
    """Return the good walk with other answers, or another end, at one step."""
    good: Step = getattr(WALK, name)
    answers = tuple(replace(answer, **changes) for answer in good.answers)
    changed = Step(answers=answers, before=good.before, after=after or good.after)
    return replace(WALK, **{name: changed})


def page(name: str, value: str) -> Walk:
    """Return the good walk with another header on the page."""
    headers = {**dict(PAGE.headers), name: value}
    return step("reading", headers=tuple(headers.items()))


class Table(Struct, frozen=True, kw_only=True):
    """A DNS in a dictionary; asking for a name in `silent` gets no answer."""

    txt_records: dict[str, tuple[str, ...]] = field(default_factory=dict)
    mx_records: dict[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    hosts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pointers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()

    def txt(self, name: str) -> tuple[str, ...]:
        """See `Resolver.txt`."""
        return self._answered(name, self.txt_records)

    def mx(self, name: str) -> tuple[tuple[int, str], ...]:
        """See `Resolver.mx`."""
        return self._answered(name, self.mx_records)

    def addresses(self, name: str) -> tuple[str, ...]:
        """See `Resolver.addresses`."""
        return self._answered(name, self.hosts)

    def names(self, address: str) -> tuple[str, ...]:
        """See `Resolver.names`."""
        return self._answered(address, self.pointers)

    def _answered(self, name: str, records: dict[str, tuple[Row, ...]]) -> tuple[Row, ...]:
        if name in self.silent:
            raise Outage(f"the DNS does not say what {name} has: Timeout")
        return records.get(name, ())


HOME: Final = "news.example.org"
SPF: Final = "v=spf1 ip4:192.0.2.0/24 include:_spf.example.net a:mail.example.org/32 mx ~all"
TABLE: Final = Table(
    txt_records={
        HOME: ("google-site-verification=x", SPF),
        "_spf.example.net": ("v=spf1 ip6:2001:db8::/32 -all",),
        "s1._domainkey.news.example.org": ("v=DKIM1; k=rsa; p=MIIB IjAN",),
        "_dmarc.example.org": ("v=DMARC1; p=quarantine; rua=mailto:reports@example.org",),
    },
    mx_records={HOME: ((10, "mx.example.org"),)},
    hosts={
        "mail.example.org": ("192.0.2.7", "2001:db8::7"),
        "mx.example.org": ("198.51.100.9",),
    },
    pointers={"192.0.2.7": ("mail.example.org",)},
)
NAMES: Final = Names(
    resolver=TABLE,
    from_domain=HOME,
    envelope_domain=HOME,
    signing_domain=HOME,
    records=(Published("s1._domainkey.news.example.org", "v=DKIM1; k=rsa; p=MIIBIjAN"),),
    address="192.0.2.7",
)


def txt(name: str, *records: str) -> Names:
    """Return the good names with other TXT records at one of them."""
    return replace(
        NAMES, resolver=replace(TABLE, txt_records={**TABLE.txt_records, name: records})
    )


def spf(record: str, **others: str) -> Names:
    """Return the good names with another SPF record, and records of `a.example.net` and so on."""
    more = {f"{label}.example.net": (text,) for label, text in others.items()}
    known = {**TABLE.txt_records, **more, HOME: (record,)}
    return replace(NAMES, resolver=replace(TABLE, txt_records=known))


def table(**changes: Any) -> Names:
    """Return the good names in another DNS."""
    return replace(NAMES, resolver=replace(TABLE, **changes))


_ELEVEN: Final = " ".join(f"include:l{number}.example.net" for number in range(11))
_LEAVES: Final = {f"l{number}": "v=spf1 -all" for number in range(11)}
_DMARC: Final = "_dmarc.example.org"

SPOILED: Final[dict[str, list[Any]]] = {
    "D501": [newsletter(postal_address=" \n")],
    "D502": [
        newsletter(site_url="http://news.example.org"),
        newsletter(site_url="https://localhost:8025"),
    ],
    "D503": [
        options(host="smtp.example.org", tls="off"),
        options(relays=[{"host": "a.example.org"}, {"host": "b.example.org", "tls": "off"}]),
    ],
    "D504": [replace(CONFIGURATION, key_problem="data/s1.pem: others can read the key")],
    "D505": [newsletter(sender=Mailbox(address="weekly@gmail.com"))],
    "D506": [newsletter(reply_to=Mailbox(address="editor@Outlook.com"))],
    "D601": [replace(FILES, mode=0o755), replace(FILES, mode=0o710)],
    "D602": [replace(FILES, private=(replace(DATABASE_FILE, mode=0o640),))],
    "D603": [
        replace(FILES, has_secret=False),
        replace(FILES, secret_problem="data/secret.key: others can read the secret (mode 0644)"),
    ],
    "D604": [replace(FILES, free_bytes=2**27), replace(FILES, database_bytes=2**29)],
    "D605": [replace(FILES, private=(replace(COPY, age=timedelta(days=36)),))],
    "D606": [replace(FILES, unread=1)],
    "D701": [Contents(damage=("row 3 missing from index uq_subscriber_address_norm",))],
    "D702": [replace(CONTENTS, wal_is_safe=False), replace(CONTENTS, journal_mode="memory")],
    "D703": [replace(CONTENTS, revision="0002"), replace(CONTENTS, revision="")],
    "D704": [replace(CONTENTS, unbalanced=(3,))],
    "D705": [replace(CONTENTS, uncertain=1)],
    "D803": [
        step("reading", after=LEFT),
        step("reading", after=replace(ACTIVE, words=3)),
        step("reading", status=404),
    ],
    "D804": [
        step("urlencoded", after=ACTIVE),
        step("urlencoded", status=204),
        step("urlencoded", status=302),
    ],
    "D805": [step("multipart", after=ACTIVE), step("multipart", status=415)],
    "D806": [
        step("urlencoded", status=303, headers=(("location", "https://news.example.org/"),)),
        step("multipart", status=301),
        step("again", headers=(("location", "/"),)),
    ],
    "D807": [
        step("urlencoded", headers=(("set-cookie", "session=1"),)),
        page("set-cookie", "session=1"),
    ],
    "D808": [step("again", status=404), step("again", after=replace(LEFT, words=4))],
    "D809": [step("forged", status=200), step("forged", after=LEFT)],
    "D810": [step("foreign", status=200), step("foreign", status=301)],
    "D811": [step("multipart", seconds=5.1)],
    "D851": [
        page("cache-control", "max-age=600"),
        page("x-robots-tag", ""),
        page("referrer-policy", "origin"),
    ],
    "D852": [
        page("content-security-policy", "default-src *; frame-ancestors 'none'"),
        page("content-security-policy", "default-src 'none'"),
        page("x-content-type-options", ""),
    ],
    "D853": [page("server", "nginx/1.22.1"), page("x-powered-by", "Something 3.1")],
    "D901": [table(mx_records={}), replace(NAMES, envelope_domain="nowhere.example.org")],
    "D902": [table(mx_records={HOME: ((0, ""),)})],
    "D903": [txt(HOME), txt(HOME, SPF, "v=spf1 -all"), txt(HOME, "v=spf10 -all")],
    "D904": [spf("v=spf1 mx"), spf("v=spf1 mx ?all"), spf("v=spf1 +all")],
    "D905": [
        spf(f"v=spf1 {_ELEVEN} -all", **_LEAVES),
        spf(
            "v=spf1 include:a.example.net -all",
            a="v=spf1 redirect=b.example.net",
            b=f"v=spf1 {_ELEVEN}",
        ),
        spf("v=spf1 include:a.example.net -all", a="v=spf1 include:a.example.net -all"),
        spf("v=spf1 a:x.example.org a:y.example.org mx:z.example.org -all"),
        spf("v=spf1 include:nothing.example.net -all"),
    ],
    "D906": [
        replace(NAMES, address="203.0.113.5"),
        spf("v=spf1 -ip4:192.0.2.7 +all"),
        spf("v=spf1 include:a.example.net -all", a="v=spf1 ~all"),
        txt(HOME),
    ],
    "D907": [
        txt("s1._domainkey.news.example.org"),
        txt("s1._domainkey.news.example.org", "v=DKIM1; p=AAAA"),
        txt("s1._domainkey.news.example.org", "v=DKIM1; p="),
        txt("s1._domainkey.news.example.org", "v=DKIM1; p=MIIBIjAN", "v=DKIM1; p=AAAA"),
    ],
    "D908": [
        txt(_DMARC),
        txt(_DMARC, "v=DMARC1; p=none", "v=DMARC1; p=reject"),
        txt(_DMARC, "v=DMARC1; p=monitor"),
        txt(_DMARC, "v=DMARC1"),
        txt(_DMARC, "v=DMARC1; p=none; rua=reports@example.org"),
        txt(_DMARC, "v=DMARC1; p=none; adkim=strict"),
        txt("_dmarc.news.example.org", "v=DMARC1; p=block"),
    ],
    "D909": [
        replace(NAMES, signing_domain="example.net"),
        replace(NAMES, signing_domain="", envelope_domain="example.net"),
        replace(txt(_DMARC, "v=DMARC1; p=none; adkim=s"), signing_domain="example.org"),
    ],
    "D910": [
        table(pointers={}),
        table(pointers={"192.0.2.7": ("other.example.org",)}),
    ],
}
