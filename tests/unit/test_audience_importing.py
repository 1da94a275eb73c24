from __future__ import annotations

import csv
import io

import pytest
from msgspec.structs import replace

from pipeline.audience.columns import Wanted
from pipeline.audience.decoding import detect_encoding
from pipeline.audience.duplicates import Lines
from pipeline.audience.importing import (
    MAX_VALUE,
    ImportReport,
    Reject,
    Row,
    read_rows,
    reject_lines,
)
from pipeline.audience.records import MAX_LINE, MAX_LINES
from pipeline.errors import ConfigError
from pipeline.model.subscriber import SubscriberState, SuppressionReason


def read(
    text: str | bytes, *, encoding: str = "utf-8", wanted: Wanted | None = None
) -> list[Row | Reject]:
    """Return what is read from a file."""
    content = text if isinstance(text, bytes) else text.encode(encoding)
    return list(read_rows(io.BytesIO(content), wanted=wanted))


def people(found: list[Row | Reject]) -> list[tuple[str, str]]:
    """Return address and name of everybody; nothing may have been rejected."""
    assert all(isinstance(row, Row) for row in found), found
    return [(row.address.given, row.name) for row in found if isinstance(row, Row)]


def summary(found: list[Row | Reject]) -> list[tuple[int, str]]:
    """Return the line of each row with its address or the reason against it."""
    return [(row.line, row.address.given if isinstance(row, Row) else row.reason) for row in found]


@pytest.mark.parametrize(
    "header",
    [
        "email,name",
        "E-mail,Name",
        "Email Address,Full Name",
        '"EMAIL","Display-Name"',
        "e_mail;name",
        "mail\tname",
        "address|name",
        "\ufeffEmail,Name",
    ],
)
def test_columns_are_found_by_their_usual_headers(header: str) -> None:
    """Whatever program wrote the file, nobody has to rename columns."""
    delimiter = next(mark for mark in ",;\t|" if mark in header)

    found = read(f"{header}\nann@example.org{delimiter}Ann\n")

    assert people(found) == [("ann@example.org", "Ann")]


def test_first_and_last_name_are_joined() -> None:
    """Two columns make one name, and either may be empty."""
    found = read(
        "Last Name,First Name,Email\nLee,Ann,ann@example.org\n,Bob,bob@example.org\n"
        "Cid,,cid@example.org\n"
    )

    assert people(found) == [
        ("ann@example.org", "Ann Lee"),
        ("bob@example.org", "Bob"),
        ("cid@example.org", "Cid"),
    ]


def test_the_address_beside_an_email_is_where_somebody_lives() -> None:
    """The better header wins, wherever it stands."""
    found = read("address,email\n1 Main Street,ann@example.org\n")

    assert people(found) == [("ann@example.org", "")]


def test_columns_can_be_named() -> None:
    """Headers nobody could guess are told."""
    wanted = Wanted(roles={"Wohin": "address", "Wer": "name", "Status": ""})

    found = read("Status,Wer,Wohin\nvip,Ann,ann@example.org\n", wanted=wanted)

    assert people(found) == [("ann@example.org", "Ann")]


def test_a_named_column_that_is_not_there_is_an_error_with_those_that_are() -> None:
    """A typing mistake is found before anybody is written down."""
    with pytest.raises(ConfigError, match="no column is called 'Wohinn'; there are: Wer, Wohin"):
        read("Wer,Wohin\nAnn,ann@example.org\n", wanted=Wanted(roles={"Wohinn": "address"}))


@pytest.mark.parametrize("text", ["id,phone\n7,555\n", '"id,phone\n', ";;;\n"])
def test_a_file_without_addresses_is_an_error(text: str) -> None:
    """The wrong file is noticed at its first line."""
    with pytest.raises(ConfigError, match="no column is for addresses"):
        read(text)


def test_a_file_without_header_starts_with_somebody() -> None:
    """The first line is not lost."""
    found = read("Ann,ann@example.org\nBob,bob@example.org\n")

    assert people(found) == [("ann@example.org", "Ann"), ("bob@example.org", "Bob")]


def test_in_a_wide_file_without_header_no_name_is_guessed() -> None:
    """A city is not taken for a name."""
    assert people(read("7,ann@example.org,Paris\n")) == [("ann@example.org", "")]


def test_one_address_a_line_is_enough() -> None:
    """Plain lists, pasted mailboxes, a heading or none, commas left at the end."""
    found = read(
        "Email\n\nann@example.org\n  bob@example.org,\nCid Day <cid@example.org>\n"
        '"Dee, Jr" <dee@example.org>;\n'
    )

    assert people(found) == [
        ("ann@example.org", ""),
        ("bob@example.org", ""),
        ("cid@example.org", "Cid Day"),
        ("dee@example.org", "Dee, Jr"),
    ]


def test_a_mailbox_first_means_a_mailbox_a_line() -> None:
    """A comma in a name is no column."""
    found = read('"Lee, Ann" <ann@example.org>\nbob@example.org\n')

    assert people(found) == [("ann@example.org", "Lee, Ann"), ("bob@example.org", "")]


def test_a_mailbox_in_a_cell_is_taken_apart() -> None:
    """The column of names weighs more than the name beside the address."""
    found = read("email,name\nAnn <ann@example.org>,\nBob <bob@example.org>,Robert\n")

    assert people(found) == [("ann@example.org", "Ann"), ("bob@example.org", "Robert")]


@pytest.mark.parametrize(
    ("encoding", "detected"),
    [
        ("utf-8", "utf-8-sig"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
def test_accents_survive_every_usual_encoding(encoding: str, detected: str) -> None:
    """What a spreadsheet saved is read as it was meant."""
    text = "email,name\nzoe@example.org,Zoë Ødegård\n"

    assert people(read(text, encoding=encoding)) == [("zoe@example.org", "Zoë Ødegård")]
    assert detect_encoding(io.BytesIO(text.encode(encoding))).name == detected


def test_a_guessed_encoding_comes_with_a_warning_and_a_line() -> None:
    """The operator is told where to look."""
    found = detect_encoding(io.BytesIO("email\nann@example.org\nZoë\n".encode("cp1252")))

    assert found.warning
    assert found.warning.startswith("line 3 is not UTF-8")
    assert detect_encoding(io.BytesIO(b"email\n")).warning is None


def test_a_character_cut_by_a_chunk_is_still_utf8() -> None:
    """A large file is read in pieces, and no piece is judged alone."""
    content = b"x" * ((1 << 20) - 1) + "ë".encode() + b"x"

    assert detect_encoding(io.BytesIO(content)).name == "utf-8-sig"
    assert detect_encoding(io.BytesIO(content[:-2])).name == "cp1252"


def test_a_file_in_an_encoding_of_its_own_ends_in_rejects_and_not_in_an_error() -> None:
    """Bytes that mean nothing are replaced; the addresses with them are refused."""
    found = read(b"email\nann@example.org\nb\x81b@example.org\n")

    assert summary(found)[0] == (2, "ann@example.org")
    assert isinstance(found[1], Reject)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_read(end: str) -> None:
    """And the numbers of the lines are those an editor shows."""
    found = read(end.join(("email,name", "ann@example.org,A", "", "bob@example.org,B")))

    assert summary(found) == [(2, "ann@example.org"), (4, "bob@example.org")]


def test_the_stream_stays_open() -> None:
    """Whoever opened it closes it."""
    stream = io.BytesIO(b"email\nann@example.org\n")

    assert len(list(read_rows(stream))) == 1
    assert not stream.closed


@pytest.mark.parametrize("text", ["", "\n \n\t\n", "email,name\n"])
def test_an_empty_file_has_nobody(text: str) -> None:
    """That is no error."""
    assert read(text) == []


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("", SubscriberState.ACTIVE),
        ("Subscribed", SubscriberState.ACTIVE),
        ("active", SubscriberState.ACTIVE),
        ("unconfirmed", SubscriberState.PENDING),
        ("PENDING", SubscriberState.PENDING),
    ],
)
def test_a_status_says_who_may_be_written_to(status: str, state: SubscriberState) -> None:
    """Who only asked is not taken for confirmed."""
    [row] = read(f"email,status\nann@example.org,{status}\n")

    assert isinstance(row, Row)
    assert (row.state, row.suppression) == (state, None)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("cleaned", SuppressionReason.BOUNCED),
        ("Hard bounced", SuppressionReason.BOUNCED),
        ("spam complaint", SuppressionReason.COMPLAINED),
        ("blocklisted", SuppressionReason.MANUAL),
    ],
)
def test_a_status_says_who_must_not_be_written_to(status: str, reason: SuppressionReason) -> None:
    """Leaving one service for another brings nobody back who had left."""
    [row] = read(f"email,name,status\nann@example.org,Ann,{status}\n")

    assert isinstance(row, Row)
    assert row.suppression is reason


@pytest.mark.parametrize("status", ["unsubscribed", "Opted-out"])
def test_who_left_a_list_has_left_that_list(status: str) -> None:
    """To leave one list is no word about the others."""
    [row] = read(f"email,status\nann@example.org,{status}\n")

    assert isinstance(row, Row)
    assert (row.state, row.suppression) == (SubscriberState.UNSUBSCRIBED, None)


def test_a_status_that_nobody_knows_keeps_people_out() -> None:
    """In doubt nobody is written to, and the row says why."""
    found = read("email,status\nann@example.org,lapsed\nbob@example.org,active\n")

    assert summary(found) == [
        (2, "nobody knows what the status 'lapsed' means"),
        (3, "bob@example.org"),
    ]


def test_a_short_row_has_the_status_of_an_empty_one() -> None:
    """Cells that are missing at the end are no reason to lose somebody."""
    assert people(read("email,name,status\nann@example.org\n")) == [("ann@example.org", "")]


def test_the_first_row_of_an_address_counts() -> None:
    """Later ones are reported with the line of the first, however they are spelled."""
    found = read("ann@example.org\nbob@example.org\nANN@Example.ORG\n")

    assert summary(found) == [
        (1, "ann@example.org"),
        (2, "bob@example.org"),
        (3, "the address is in line 1 already"),
    ]
    assert isinstance(found[2], Reject)
    assert found[2].duplicate


def test_a_later_row_that_says_no_counts_too() -> None:
    """A file that says yes and no means no; the second no is a duplicate."""
    found = read(
        "email,status\nann@example.org,active\nann@example.org,bounced\n"
        "ann@example.org,unsubscribed\nann@example.org,active\n"
    )

    suppressions = [row.suppression if isinstance(row, Row) else row.reason for row in found]
    duplicate = "the address is in line 2 already"
    assert suppressions == [None, SuppressionReason.BOUNCED, duplicate, duplicate]


def test_a_bad_row_is_kept_as_it_was_with_its_line() -> None:
    """Nothing that was in the file is lost on the way."""
    found = read("email,name\n nope ,  Ann\nann@example.org,Ann\n,\n")

    assert found[0] == Reject(
        line=2, text=" nope ,  Ann", reason="An email address must have an @-sign"
    )
    assert summary(found)[1:] == [(3, "ann@example.org"), (4, "there is no address")]


def test_a_row_too_short_for_its_address_is_rejected() -> None:
    """The header said where to look, and there is nothing."""
    found = read("name,email\nAnn\nBob,bob@example.org\n")

    assert summary(found)[1] == (3, "bob@example.org")
    assert isinstance(found[0], Reject)


def test_a_name_may_span_lines() -> None:
    """A quoted field with a line end is one row, counted at its first line."""
    found = read('email,name\nann@example.org,"Ann\nLee"\nbob@example.org,Bob\n')

    assert people(found) == [("ann@example.org", "Ann Lee"), ("bob@example.org", "Bob")]
    assert [row.line for row in found] == [2, 4]


@pytest.mark.parametrize(
    "broken",
    [
        '"bad@example.org,Bad',
        'bad@example.org,"Bad',
        'bad@example.org,"B""ad',
    ],
)
@pytest.mark.parametrize(
    "rest",
    [
        ["ann@example.org,Ann", "bob@example.org,Bob"],
        ["ann@example.org,Ann", '"bob@example.org","Bob"'],
        ['ann@example.org,"Ann ""the"" Lee"', "bob@example.org,Bob"],
        [f"p{number}@example.org,P" for number in range(MAX_LINES * 2)],
    ],
)
def test_a_quotation_mark_never_closed_spoils_one_line(broken: str, rest: list[str]) -> None:
    """A broken row costs itself and nobody after it."""
    found = read("\n".join(["email,name", broken, *rest]))

    assert len(found) == 1 + len(rest)
    assert found[0] == Reject(
        line=2, text=broken, reason="a quotation mark is opened and never closed"
    )
    assert all(isinstance(row, Row) for row in found[1:])


def test_a_quotation_mark_inside_a_cell_is_a_letter() -> None:
    """Only at the start of a cell does it open anything."""
    found = read('email,name\nann@example.org,5" Ann\nbob@example.org,Bob\n')

    assert people(found) == [("ann@example.org", '5" Ann'), ("bob@example.org", "Bob")]


@pytest.mark.parametrize("header", ["email,name\n", ""])
def test_a_huge_line_is_cut_and_rejected(header: str) -> None:
    """A megabyte without a line end costs its row and little memory."""
    huge = "x" * (MAX_LINE * 16)

    found = read(f"{header}ann@example.org,Ann\n{huge}\nbob@example.org,Bob\n")

    assert isinstance(found[0], Row)
    assert isinstance(found[1], Reject)
    assert "longer than" in found[1].reason
    assert len(found[1].text) == MAX_LINE
    assert isinstance(found[2], Row)
    assert found[2].line == found[1].line + 1


def test_a_huge_line_among_plain_addresses_is_rejected_for_what_it_is() -> None:
    """Its length is the reason, and not what its first part happens to be."""
    found = read("ann@example.org\n" + "x" * MAX_LINE * 3 + "\nbob@example.org\n")

    assert [isinstance(row, Row) for row in found] == [True, False, True]
    assert "longer than" in summary(found)[1][1]


def rows(found: list[Row | Reject]) -> list[Row]:
    """Return the people; nobody may have been rejected."""
    people_ = [row for row in found if isinstance(row, Row)]
    assert len(people_) == len(found), found
    return people_


def test_what_is_known_of_people_is_found_by_its_usual_headers() -> None:
    """Language, zone, tags and the proof of consent come along unasked."""
    [row] = rows(
        read(
            "email,Locale,Time Zone,Tags,Opt-in time,Opt-in source\n"
            'ann@example.org,de_AT.UTF-8,europe/vienna,"VIP; Early Bird|vip",2024-05-01,a form\n'
        )
    )

    assert row.language == "de-AT"
    assert row.zone == "Europe/Vienna"
    assert row.tags == {"vip", "early-bird"}
    assert row.proof == "2024-05-01, a form"
    assert row.fields == {}
    assert row.doubt == ""


def test_a_cell_that_means_nothing_costs_itself_only() -> None:
    """Nobody is lost on it, and it is not lost in silence."""
    [row] = rows(read("email,language,zone,tags\nann@example.org,German,Mars/Base,---\n"))

    assert (row.language, row.zone, row.tags) == (None, None, frozenset())
    assert "'German'" in row.doubt
    assert "'Mars/Base'" in row.doubt
    assert "'---'" in row.doubt


def test_other_columns_become_fields_only_when_asked() -> None:
    """What a list knew of people stays behind unless somebody wants it."""
    text = "email,City,Shoe size,Notes\nann@example.org,Ghent,38, \n"

    def fields(wanted: Wanted) -> dict[str, str]:
        return dict(rows(read(text, wanted=wanted))[0].fields)

    assert fields(Wanted()) == {}
    assert fields(Wanted(fields="all")) == {"city": "Ghent", "shoe_size": "38"}
    assert fields(Wanted(fields=("shoe size",))) == {"shoe_size": "38"}
    assert fields(Wanted(roles={"City": "field.home"})) == {"home": "Ghent"}
    assert fields(Wanted(roles={"City": ""}, fields="all")) == {"shoe_size": "38"}


def test_a_mapped_column_is_not_guessed_at() -> None:
    """What the operator says of a column weighs more than what its header looks like."""
    wanted = Wanted(roles={"name": "field.handle", "language": ""})

    [row] = rows(read("email,name,language\nann@example.org,annie,de\n", wanted=wanted))

    assert (row.name, row.language, dict(row.fields)) == ("", None, {"handle": "annie"})


@pytest.mark.parametrize(
    ("header", "wanted", "problem"),
    [
        (
            "email,a,b",
            Wanted(roles={"a": "name", "b": "name"}),
            "two columns are mapped to 'name'",
        ),
        ("email,a b,a-b", Wanted(fields="all"), "two columns would be the field 'a_b'"),
        ("email,2nd", Wanted(fields="all"), "a field begins with a letter"),
        ("email,city", Wanted(fields=("town",)), "no column is called 'town'"),
        ("email," + ",".join(f"f{n}" for n in range(101)), Wanted(fields="all"), "more than 100"),
        ("email", Wanted(fields="all"), "the file has one only"),
    ],
)
def test_columns_that_cannot_be_told_apart_are_an_error(
    header: str, wanted: Wanted, problem: str
) -> None:
    """Before anybody is read, and with the name to change."""
    with pytest.raises(ConfigError, match=problem):
        read(f"{header}\nann@example.org\n", wanted=wanted)


def test_a_value_is_one_line_of_bounded_length() -> None:
    """Controls and direction marks go, and a novel in a cell is cut."""
    text = f'email,bio\nann@example.org,"a\u202e\nb\x1b[2J{"x" * 900}"\n'

    [row] = rows(read(text, wanted=Wanted(fields="all")))

    assert row.fields["bio"].startswith("a b[2Jxx")
    assert len(row.fields["bio"]) == MAX_VALUE


def test_a_blank_line_in_quotation_marks_belongs_to_its_row() -> None:
    """The row is reported as it was, and the next one by its own line."""
    found = read('email,name\n"a\n\n@b",Ann\nann@example.org,Ann\n')

    assert isinstance(found[0], Reject)
    assert (found[0].line, found[0].text) == (2, '"a\n\n@b",Ann')
    assert summary(found[1:]) == [(5, "ann@example.org")]


def test_a_first_line_is_found_again_among_many() -> None:
    """However many addresses there are, a duplicate names the line of the first."""
    lines = Lines()
    numbers = range(1, 30_001)

    assert all(lines.first(f"a{n}@example.org", n) == n for n in numbers)
    assert all(lines.first(f"a{n}@example.org", 99_999) == n for n in numbers)


def test_a_full_disk_ends_an_import_and_says_which_folder() -> None:
    """What was seen goes to a temporary file, and there may be no room for it."""
    lines = Lines()
    lines._cursor.execute("PRAGMA max_page_count = 9").fetchone()

    with pytest.raises(ConfigError, match="full; make room in the folder for temporary files"):
        all(lines.first(f"a{number}@example.org", number) for number in range(1, 30_001))


def test_rejects_make_a_file_that_opens_in_a_spreadsheet() -> None:
    """Line, reason and the row as it was, nothing of it computed."""
    rejects = [
        Reject(line=3, text='=cmd|" /C calc"!A0,Ann', reason="no"),
        Reject(line=9, text="a,b\nc", reason="why, really"),
    ]

    written = "".join(reject_lines(rejects))

    assert list(csv.reader(io.StringIO(written, newline=""))) == [
        ["line", "reason", "original"],
        ["3", "no", '\'=cmd|" /C calc"!A0,Ann'],
        ["9", "why, really", "a,b\nc"],
    ]


def test_a_report_balances_when_every_row_is_in_it() -> None:
    """A row that is missing, or a rejected one that cannot be looked at, shows."""
    rejects = (
        Reject(line=2, text="", reason=""),
        Reject(line=3, text="", reason="", duplicate=True),
    )
    report = ImportReport(
        total=10,
        new=1,
        updated=2,
        unchanged=3,
        unsubscribed=1,
        suppressed=1,
        invalid=1,
        duplicate=1,
        rejects=rejects,
    )

    assert report.balances
    assert not replace(report, total=11).balances
    assert not replace(report, rejects=rejects[:1]).balances
