"""The weekly slot under a simulated clock: the real app, real rows, real messages in a folder."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.app import App
from pipeline.errors import NotAllowed
from pipeline.formats.markdown_writer import write_markdown
from pipeline.model.audience import Audience
from pipeline.model.content import Paragraph
from pipeline.model.dispatch import DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.issue import Issue, Section, Story
from pipeline.settings import load

pytestmark = pytest.mark.integration

SETTINGS = """
[newsletter]
name = "The Quay"
from = "quay@example.org"
postal_address = "1 Quay Lane, Port Example"
[schedule]
day = "friday"
time = "09:00"
zone = "Europe/London"
[sender]
kind = "eml"
folder = "sent"
"""
READERS = 3


class Simulation:
    """A workspace whose clock is turned by hand."""

    def __init__(self, root: Path, now: datetime) -> None:
        (root / "newsletter.toml").write_text(SETTINGS)
        (root / "issues").mkdir()
        self.root, self.now = root, now
        self.app = App(
            settings=load(root, {}), root=root, has_workspace=True, clock=lambda: self.now
        )
        for number in range(READERS):
            self.app.enrol().one(f"reader{number}@example.org", source="asked")

    def approve(self, number: int, day: date) -> None:
        """Write, build and approve an issue, at the present moment of the simulation."""
        story = Story(title="A story", body=(Paragraph((f"The words of issue {number}.",)),))
        issue = Issue(
            title=f"Issue number {number} has a title of some length",
            subtitle="A line for the inbox that is long enough to be worth showing there",
            number=str(number),
            date=day,
            sections=(Section(stories=(story,)),),
        )
        file = self.root / "issues" / f"{number:03}.md"
        file.write_text(write_markdown(issue))
        self.app.build()([file])
        self.app.approve()(EntryId(f"{number:03}"), by="editor")

    def run_until(self, end: datetime, step: timedelta) -> None:
        """Tick from now until `end` as a clock would."""
        tick = self.app.tick()
        while self.now <= end:
            tick()
            self.now += step

    @property
    def sent(self) -> list[Path]:
        """The messages that left."""
        return sorted(file for file in (self.root / "sent").rglob("*") if file.is_file())


@pytest.fixture
def simulation(tmp_path: Path) -> Simulation:
    """A workspace on Wednesday 21 October 2026, four days before London's clocks go back."""
    return Simulation(tmp_path, datetime(2026, 10, 21, 12, tzinfo=UTC))


def test_two_fridays_across_the_clock_change_send_two_issues_once(simulation: Simulation) -> None:
    """Nine o'clock in London is 08:00 UTC before the change and 09:00 UTC after it."""
    simulation.approve(1, date(2026, 10, 23))
    simulation.approve(2, date(2026, 10, 30))
    simulation.run_until(datetime(2026, 11, 14, tzinfo=UTC), timedelta(minutes=20))

    by_age = simulation.app.dispatches.all()[::-1]
    assert [dispatch.entry for dispatch in by_age] == ["001", "002"]
    assert [dispatch.due_at for dispatch in by_age] == [
        datetime(2026, 10, 23, 8, tzinfo=UTC),
        datetime(2026, 10, 30, 9, tzinfo=UTC),
    ]
    assert all(dispatch.state is DispatchState.FINISHED for dispatch in by_age)
    assert len(simulation.sent) == 2 * READERS


def test_a_friday_without_an_approved_issue_sends_nothing(simulation: Simulation) -> None:
    """The slot is recorded as skipped, and next week's issue goes out next week."""
    simulation.run_until(datetime(2026, 10, 24, tzinfo=UTC), timedelta(hours=1))

    assert simulation.sent == []
    assert simulation.app.dispatches.all() == ()
    assert simulation.app.slots.recent(5) == ()  # it was nobody's turn before the first approval

    simulation.approve(1, date(2026, 10, 23))
    simulation.run_until(datetime(2026, 10, 30, 8, 59, tzinfo=UTC), timedelta(hours=1))
    assert simulation.sent == []

    simulation.run_until(datetime(2026, 11, 7, tzinfo=UTC), timedelta(hours=1))
    assert len(simulation.sent) == READERS
    filled, skipped = simulation.app.slots.recent(5)
    assert (filled.occurrence, skipped.occurrence) == ("2026-10-30T09:00", "2026-11-06T09:00")
    assert (skipped.dispatch, skipped.note) == (None, "no issue is approved")


def test_the_slot_leaves_the_issue_of_another_list_alone(simulation: Simulation) -> None:
    """What was meant for the crew never goes to everybody by itself."""
    simulation.approve(1, date(2026, 10, 23))
    simulation.app.list_numbers.ensure(["crew"])
    simulation.app.enrol("crew").one("mate@example.org", source="asked")
    crew = Audience(list="crew")
    simulation.app.send()(EntryId("001"), audience=crew)
    simulation.run_until(datetime(2026, 10, 24, tzinfo=UTC), timedelta(hours=1))

    assert [dispatch.audience for dispatch in simulation.app.dispatches.all()] == ["crew"]
    assert len(simulation.sent) == 1


def test_the_slot_sends_the_rest_what_a_few_saw_before(simulation: Simulation) -> None:
    """A last look by some of the list takes nothing from the others, and nobody gets it twice."""
    simulation.approve(1, date(2026, 10, 23))
    simulation.app.label()(
        [simulation.app.subscribers.all().__next__().id],
        add=frozenset({"tester"}),
        remove=frozenset(),
    )
    simulation.app.send()(EntryId("001"), audience=Audience(rule="tag is tester"))
    assert len(simulation.sent) == 1
    simulation.run_until(datetime(2026, 10, 24, tzinfo=UTC), timedelta(hours=1))

    assert len(simulation.sent) == READERS


def test_what_the_slot_will_do_can_be_asked_before(simulation: Simulation) -> None:
    """The next turns name their issue, or say why there is none; nothing is decided by asking."""
    simulation.approve(2, date(2026, 10, 30))
    simulation.approve(1, date(2026, 10, 23))
    tick = simulation.app.tick()
    expected = [
        (decision.occurrence.key, getattr(decision, "entry_id", None))
        for decision in tick.foresee(3)
    ]

    assert expected == [
        ("2026-10-23T09:00", "001"),
        ("2026-10-30T09:00", "002"),
        ("2026-11-06T09:00", None),
    ]
    assert simulation.app.dispatches.all() == ()
    assert simulation.app.slots.recent(5) == ()


def test_a_tick_never_undoes_a_pause(simulation: Simulation) -> None:
    """A person may pause between a tick's look at what is due and its work on it."""
    simulation.approve(1, date(2026, 10, 23))
    app = simulation.app
    dispatch = app.schedule()(EntryId("001"), due_at=simulation.now)
    app.dispatches.prepare(dispatch.id, simulation.now)
    app.control().pause(dispatch.id, reason="a wrong link")
    with pytest.raises(NotAllowed, match="is paused"):
        app.deliver()(dispatch.id)

    assert simulation.sent == []
    assert app.dispatches.get(dispatch.id).state is DispatchState.PAUSED


def test_a_damaged_entry_stops_nobody_elses_mail(simulation: Simulation) -> None:
    """It is reported, and the slot and every dispatch go on without it."""
    simulation.approve(1, date(2026, 10, 23))
    simulation.approve(2, date(2026, 10, 23))
    (simulation.root / "outbox" / "001" / "email.txt").write_text("changed by hand")
    simulation.now = datetime(2026, 10, 23, 8, 1, tzinfo=UTC)
    ticked = simulation.app.tick()()

    assert len(simulation.sent) == READERS
    assert [dispatch.entry for dispatch in simulation.app.dispatches.all()] == ["002"]
    assert "001" in ticked.failures[0]


def test_an_edit_after_approval_keeps_the_issue_at_home(simulation: Simulation) -> None:
    """What was approved is what goes out, or nothing does."""
    simulation.approve(1, date(2026, 10, 23))
    file = simulation.root / "issues" / "001.md"
    file.write_text(file.read_text().replace("The words", "Other words"))
    simulation.app.build()([file])
    simulation.run_until(datetime(2026, 10, 24, tzinfo=UTC), timedelta(hours=1))

    assert simulation.sent == []


def test_what_was_built_again_after_scheduling_is_not_sent(simulation: Simulation) -> None:
    """The dispatch is bound to the digest that was approved then, not to what is there now."""
    simulation.approve(1, date(2026, 10, 23))
    due_at = datetime(2026, 10, 22, 9, tzinfo=UTC)
    dispatch = simulation.app.schedule()(EntryId("001"), due_at=due_at)
    file = simulation.root / "issues" / "001.md"
    file.write_text(file.read_text().replace("The words", "Other words"))
    simulation.app.build()([file])
    simulation.app.approve()(EntryId("001"), by="somebody else")
    simulation.now = due_at + timedelta(minutes=1)
    ticked = simulation.app.tick()()

    assert simulation.sent == []
    assert "was built again" in ticked.failures[0]
    assert simulation.app.dispatches.get(dispatch.id).state is DispatchState.SCHEDULED


def test_a_machine_that_slept_too_long_leaves_the_decision_to_a_person(
    simulation: Simulation,
) -> None:
    """More than `catch_up` late, the dispatch is missed; `resume` sends it."""
    simulation.approve(1, date(2026, 10, 23))
    simulation.now = datetime(2026, 10, 25, 12, tzinfo=UTC)
    simulation.app.tick()()

    dispatch = simulation.app.dispatches.all()[0]
    assert dispatch.state is DispatchState.MISSED
    assert simulation.sent == []

    simulation.app.control().resume(dispatch.id)
    simulation.app.tick()()
    assert len(simulation.sent) == READERS
