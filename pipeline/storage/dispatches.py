"""The dispatches: what goes to whom and when, and who may change that."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from pipeline.errors import ConfigError, NotAllowed
from pipeline.model.audience import Audience
from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import NEXT, Dispatch, DispatchId, DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.subscriber import ListId
from pipeline.storage import progress
from pipeline.storage.engine import Database
from pipeline.storage.preparing import Crowd, Prepared, forecast, readers, write_down
from pipeline.storage.progress import OPEN, OVER, DeliveryRecord, DispatchCounts
from pipeline.storage.schema import delivery, dispatch, mailing_list, slot

EVERYBODY: Final = Audience()  # of the main list

_COLUMNS: Final = select(
    dispatch.c.id,
    dispatch.c.entry,
    dispatch.c.digest,
    dispatch.c.audience,
    dispatch.c.due_at,
    dispatch.c.state,
    dispatch.c.note,
    dispatch.c.created_at,
    dispatch.c.started_at,
    dispatch.c.finished_at,
)


class Dispatches(Struct, frozen=True):
    """The schedule is these rows; no clock remembers anything (decision D6)."""

    database: Database

    def create(
        self,
        *,
        entry: EntryId,
        digest: str,
        audience: Audience = EVERYBODY,
        due_at: datetime,
        occurrence: str | None = None,
        now: datetime,
    ) -> Dispatch:
        """Decide that an entry goes to an audience; one that was cancelled may go again.

        Args:
            entry: what is sent.
            digest: of the entry as it was approved.
            audience: a list, or those of it that a rule picks; the rule was read before.
            due_at: aware; may have passed.
            occurrence: local wall time of the weekly slot it fills; recorded in the same commit.
            now: aware, UTC.

        Raises:
            NotAllowed: a dispatch of it exists, and which; or the occurrence is taken.
            ConfigError: there is no such list.
        """
        values = {
            "entry": entry,
            "digest": digest,
            "audience": str(audience),
            "due_at": due_at,
            "state": DispatchState.SCHEDULED,
            "occurrence": occurrence,
            "created_at": now,
        }
        with self.database.writing() as connection:
            values["list_id"] = _list_id(connection, audience)
            statement = insert(dispatch).values(values).on_conflict_do_nothing()
            id_ = connection.scalar(statement.returning(dispatch.c.id))
            if id_ is None:
                raise _taken(connection, entry, audience, occurrence)
            if occurrence is not None:
                taken = {
                    "occurrence": occurrence,
                    "due_at": due_at,
                    "dispatch_id": id_,
                    "note": "",
                }
                fill = insert(slot).values(taken).on_conflict_do_nothing()
                if not connection.execute(fill).rowcount:
                    raise NotAllowed(f"the slot of {occurrence} was decided before")
            return _get(connection, DispatchId(id_))

    def get(self, id_: DispatchId) -> Dispatch:
        """Return a dispatch.

        Raises:
            ConfigError: there is none with that id.
        """
        with self.database.reading() as connection:
            return _get(connection, id_)

    def find(self, entry: EntryId, audience: Audience = EVERYBODY) -> Dispatch | None:
        """Return the dispatch of an entry to an audience that is not cancelled, if there is."""
        with self.database.reading() as connection:
            return _find(connection, entry, audience)

    def all(self) -> tuple[Dispatch, ...]:
        """Return every dispatch, the newest first."""
        return self._select(_COLUMNS.order_by(dispatch.c.id.desc()))

    def due(self, now: datetime) -> tuple[Dispatch, ...]:
        """Return what a tick has to work on, what was due first first.

        That is: SCHEDULED and due; PREPARING, which a crash left behind; SENDING with something
        to do now: a delivery that is pending or due again, or none open, to finish it. What only
        the journal of a run that died knows of is pending or due here.
        """

        def some(condition: ColumnElement[bool]) -> ColumnElement[bool]:
            return exists().where(delivery.c.dispatch_id == dispatch.c.id, condition)

        status, sending = delivery.c.status, dispatch.c.state == DispatchState.SENDING
        workable = or_(
            some(status == DeliveryStatus.PENDING),
            some(and_(status == DeliveryStatus.DEFERRED, delivery.c.due_at <= now)),
            ~some(status.in_(OPEN)),
        )
        return self._select(
            _COLUMNS.where(
                or_(
                    and_(dispatch.c.state == DispatchState.SCHEDULED, dispatch.c.due_at <= now),
                    dispatch.c.state == DispatchState.PREPARING,
                    and_(sending, workable),
                )
            ).order_by(dispatch.c.due_at, dispatch.c.id)
        )

    def set_state(
        self,
        id_: DispatchId,
        from_: Collection[DispatchState],
        to: DispatchState,
        *,
        now: datetime,
        note: str | None = None,
    ) -> Dispatch:
        """Move a dispatch to another state, if it is in one of `from_` and may go there.

        Args:
            id_: which.
            from_: the states the caller reckons with.
            to: a state that model NEXT allows from there.
            now: aware, UTC; recorded as `finished_at` by FINISHED and CANCELLED.
            note: why; replaces the note, None removes it.

        Raises:
            NotAllowed: it is in another state or cannot go there; nothing changed. SENDING needs
                an audience that was written down, FINISHED needs every delivery closed.
            ConfigError: there is none with that id.
        """
        allowed = [state for state in from_ if to in NEXT[state]]
        values: dict[str, Any] = {"state": to, "note": note}
        values["finished_at"] = now if to in OVER else None
        change = update(dispatch).where(dispatch.c.id == id_, dispatch.c.state.in_(allowed))
        if to is DispatchState.SENDING:
            change = change.where(dispatch.c.started_at.is_not(None))
        if to is DispatchState.FINISHED:
            unfinished = exists().where(delivery.c.dispatch_id == id_, delivery.c.status.in_(OPEN))
            change = change.where(~unfinished)
        with self.database.writing() as connection:
            if not connection.execute(change.values(values)).rowcount:
                raise _refusal(_get(connection, id_), to)
            return _get(connection, id_)

    def forecast(
        self,
        entry: EntryId,
        *,
        now: datetime,
        audience: Audience = EVERYBODY,
        rule: ColumnElement[bool] | None = None,
    ) -> Prepared:
        """Say what a dispatch of an entry would come to if it was prepared now.

        Args:
            entry: what would be sent.
            now: aware, UTC.
            audience: to whom.
            rule: of the audience, compiled; None if it has none.
        """
        with self.database.reading() as connection:
            return forecast(connection, entry, _crowd(connection, audience, rule), now)

    def sample(
        self,
        count: int,
        entry: EntryId,
        *,
        now: datetime,
        dispatch: DispatchId | None = None,
        audience: Audience = EVERYBODY,
        rule: ColumnElement[bool] | None = None,
    ) -> tuple[str, ...]:
        """Return some addresses that an entry would go to now, or goes to by `dispatch`."""
        with self.database.reading() as connection:
            crowd = _crowd(connection, audience, rule)
            query = readers(connection, entry, this=dispatch, crowd=crowd, now=now, count=count)
            return tuple(connection.scalars(query))

    def prepare(
        self, id_: DispatchId, now: datetime, rule: ColumnElement[bool] | None = None
    ) -> Prepared:
        """Write down the audience and set the dispatch SENDING, in one commit.

        After a crash the dispatch is as before, SCHEDULED or PREPARING: call it again. Of one
        that was prepared, whatever it is now, return what it came to and change nothing.

        Args:
            id_: which.
            now: aware, UTC.
            rule: of its audience, compiled; None if it has none.

        Raises:
            NotAllowed: it is cancelled or missed, and was never prepared.
        """
        with self.database.writing() as connection:
            found = _get(connection, id_)
            if found.started_at is None:
                if found.state not in {DispatchState.SCHEDULED, DispatchState.PREPARING}:
                    raise NotAllowed(f"dispatch {id_} is {found.state}; it cannot be prepared now")
                crowd = _crowd(connection, Audience.parse(found.audience), rule)
                write_down(connection, id_, found.entry, crowd, now)
            counts = progress.count(connection, id_)
        return Prepared(to_send=sum(counts.by_status.values()), left_out=counts.excluded)

    def counts(self, id_: DispatchId) -> DispatchCounts:
        """Count the people of a dispatch by what became of them."""
        with self.database.reading() as connection:
            return progress.count(connection, id_)

    def deliveries(
        self, id_: DispatchId, status: DeliveryStatus | None = None
    ) -> Iterator[DeliveryRecord]:
        """Yield the deliveries of a dispatch, only those of a status if one is given.

        In the order people came; deferred ones, asked for alone, by when they are due again.
        No transaction stays open between pages: nobody waits for a slow reader.
        """
        return progress.deliveries(self.database, id_, status)

    def _select(self, query: Select[*tuple[Any, ...]]) -> tuple[Dispatch, ...]:
        with self.database.reading() as connection:
            return tuple(_dispatch(row) for row in connection.execute(query))


def _dispatch(row: Row[*tuple[Any, ...]]) -> Dispatch:
    return Dispatch(
        id=DispatchId(row.id),
        entry=EntryId(row.entry),
        digest=row.digest,
        audience=row.audience,
        due_at=row.due_at,
        state=DispatchState(row.state),
        note=row.note,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _get(connection: Connection, id_: DispatchId) -> Dispatch:
    row = connection.execute(_COLUMNS.where(dispatch.c.id == id_)).one_or_none()
    if row is None:
        raise ConfigError(f"there is no dispatch {id_}")
    return _dispatch(row)


def _list_id(connection: Connection, audience: Audience) -> ListId:
    lists = mailing_list.c
    found = connection.scalar(select(lists.id).where(lists.name == audience.list))
    if found is None:
        there = ", ".join(connection.scalars(select(lists.name).order_by(lists.id)))
        raise ConfigError(f"there is no list called {audience.list!r}; there is: {there}")
    return ListId(found)


def _crowd(connection: Connection, audience: Audience, rule: ColumnElement[bool] | None) -> Crowd:
    if bool(audience.rule) != (rule is not None):  # or a segment would go to its whole list
        raise ValueError(f"the rule of {str(audience)!r} and the one that was compiled differ")
    return Crowd(list=_list_id(connection, audience), rule=rule)


def _find(connection: Connection, entry: EntryId, audience: Audience) -> Dispatch | None:
    query = _COLUMNS.where(
        dispatch.c.entry == entry,
        dispatch.c.audience == str(audience),
        dispatch.c.state != DispatchState.CANCELLED,
    )
    row = connection.execute(query).one_or_none()
    return _dispatch(row) if row else None


def _refusal(found: Dispatch, to: DispatchState) -> NotAllowed:
    if to is DispatchState.FINISHED and found.state is DispatchState.SENDING:
        return NotAllowed(f"dispatch {found.id} still has deliveries to make")
    if to is DispatchState.SENDING and found.state is DispatchState.PREPARING:
        return NotAllowed(f"the audience of dispatch {found.id} is not written down yet")
    return NotAllowed(f"dispatch {found.id} is {found.state}; it cannot become {to} now")


def _taken(
    connection: Connection, entry: EntryId, audience: Audience, occurrence: str | None
) -> NotAllowed:
    found = _find(connection, entry, audience)
    if found is None:
        return NotAllowed(f"the slot of {occurrence} is filled by another dispatch")
    return NotAllowed(
        f"{entry} already goes to {audience}: dispatch {found.id} is {found.state},"
        f" due {found.due_at:%Y-%m-%d %H:%M} UTC; nobody gets an entry twice"
    )
