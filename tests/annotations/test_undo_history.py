"""Undo and redo, against a model that adds up the actions that hold, each time from the beginning."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facies.annotations import Action, Annotations, Journal
from facies.runs import RunFolder, write_run
from tests.runs.factories import make_contents, make_images

QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("history")
    return write_run(folder / "run", make_contents(make_images(folder)))


@pytest.fixture
def fresh(lasting: RunFolder) -> Iterator[RunFolder]:
    yield lasting
    clear(lasting)


def clear(run: RunFolder) -> None:
    (run.path / "journal.sqlite").unlink(missing_ok=True)


ROWS = st.lists(st.integers(0, 59), min_size=1, max_size=12)
NAMES = st.sampled_from(["quartz", "chert", "foraminifera"])
OPERATIONS = st.one_of(
    st.tuples(st.just("assign"), ROWS, NAMES),
    st.tuples(st.just("exclude"), ROWS, st.sampled_from(["cut", "blurred"])),
    st.tuples(st.just("include"), ROWS),
    st.tuples(st.just("dubious"), ROWS),
    st.tuples(st.just("name"), st.integers(0, 2), NAMES),
    st.tuples(st.just("split"), ROWS),
    st.tuples(st.just("role"), NAMES, st.sampled_from(["biogenic", "terrigenous"])),
    st.tuples(st.just("rename"), NAMES, st.sampled_from(["a", "b"])),
    st.tuples(st.just("audit"), ROWS, NAMES),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
    st.tuples(st.just("revert"), st.integers(1, 25)),
)
TURNED = st.lists(st.tuples(st.sampled_from(["Ada", "Bo"]), OPERATIONS), max_size=25)


def act(journal: Journal, user: str, operation: tuple) -> Action | None:
    kind, *arguments = operation
    if kind == "assign":
        return journal.assign(arguments[0], arguments[1], user=user)
    if kind == "exclude":
        return journal.exclude(arguments[0], arguments[1], user=user)
    if kind in ("include", "dubious", "split"):
        return getattr(journal, kind)(arguments[0], user=user)
    if kind == "name":
        if arguments[0] not in journal.groups():
            return None
        return journal.name_group(arguments[0], arguments[1], user=user)
    if kind == "role":
        return journal.set_class(arguments[0], role=arguments[1], user=user)
    if kind == "rename":
        taken = journal.annotations().classes["name"].tolist()
        return None if arguments[1] in taken else journal.set_class(arguments[0], rename=arguments[1], user=user)
    if kind == "audit":
        rows = sorted(set(arguments[0]))
        return journal.record_audit(rows, [arguments[1]] * len(rows), user=user)
    if kind == "revert":
        return journal.revert(arguments[0], user=user) if journal.is_in_force(arguments[0]) else None
    return getattr(journal, kind)(user)


def comparable(annotations: Annotations) -> dict:
    """All that can be seen of annotations, but for the groups of partitions that nobody looked at."""
    return {
        "codes": annotations.codes.tolist(),
        "states": annotations.states.tolist(),
        "reasons": annotations.reasons.tolist(),
        "confidence": annotations.confidence.tolist(),
        "looked_at": annotations.looked_at.tolist(),
        "classes": annotations.classes.to_dict("records"),
        "audits": annotations.audits.to_numpy(object).tolist(),
    }


def groups_of(journal: Journal) -> list[int]:
    return journal.groups().tolist()


class Model:
    """Adds up what holds, from the beginning, image by image."""

    def __init__(self, groups: np.ndarray) -> None:
        self.groups = groups.copy()
        self.own: list[Action] = []
        self.undone: list[int] = []

    def take(self, action: Action, *, reverts: bool = False) -> None:
        if reverts:
            assert action.undoes is not None
            self.undone.append(action.undoes)
        elif action.kind == "undo":
            holding = [a.id for a in self.own if a.id not in self.undone and a.user == action.user]
            self.undone.append(max(holding))
        elif action.kind == "redo":
            mine = [a for a in self.undone if self.user_of(a) == action.user]
            self.undone.remove(mine[-1])
        else:
            self.own.append(action)

    def user_of(self, number: int) -> str:
        return next(a.user for a in self.own if a.id == number)

    def columns(self) -> dict[str, list]:
        values: dict[str, list] = {name: [0] * 60 for name in ("class", "state", "confidence", "reason", "looked")}
        values["group"] = self.groups.tolist()
        for action in self.own:
            if action.id in self.undone:
                continue
            for name in values:
                for row, value in zip(action.rows.tolist(), action.after.get(name, []), strict=False):
                    values[name][row] = value
        return values


@QUICK
@given(operations=st.lists(OPERATIONS.filter(lambda o: o[0] not in ("undo", "redo", "revert")), max_size=20))
def test_any_actions_undone_are_the_start_and_done_again_the_end(operations: list, fresh: RunFolder) -> None:
    clear(fresh)
    with Journal(fresh, user="Ada") as journal:
        start, first_groups = comparable(journal.annotations()), groups_of(journal)
        done = [action for operation in operations if (action := act(journal, "Ada", operation)) is not None]
        end, last_groups = comparable(journal.annotations()), groups_of(journal)
        for action in reversed(done):
            undone = journal.undo()
            assert undone is not None
            assert undone.undoes == action.id
        assert journal.undo() is None
        assert comparable(journal.annotations()) == start
        assert groups_of(journal) == first_groups
    with Journal(fresh) as journal:  # also after reopening
        assert comparable(journal.annotations()) == start
        for _ in done:
            assert journal.redo() is not None
        assert journal.redo() is None
        assert comparable(journal.annotations()) == end
        assert groups_of(journal) == last_groups


@QUICK
@given(turns=TURNED)
def test_two_users_who_undo_each_his_own_are_as_if_the_undone_had_never_been(turns: list, fresh: RunFolder) -> None:
    clear(fresh)
    with Journal(fresh) as journal:
        model = Model(fresh.partition()[0]["group"].to_numpy())
        for user, operation in turns:
            action = act(journal, user, operation)
            if action is not None:
                model.take(action, reverts=operation[0] == "revert")
        found, wanted = journal.annotations(), model.columns()
        assert found.codes.tolist() == wanted["class"]
        assert np.where(found.states == 4, 4, wanted["state"]).tolist() == found.states.tolist()
        assert ((found.states == 4) == (np.array(wanted["reason"]) > 0)).all()
        assert groups_of(journal) == wanted["group"]
        assert found.looked_at.tolist() == [bool(value) for value in wanted["looked"]]
        assert set(np.unique(found.codes)) - {0} <= set(found.classes["id"])  # whose images are there stays
        assert len(found.audits) == sum(
            len(a.rows) for a in model.own if a.kind == "audit" and a.id not in model.undone
        )


@QUICK
@given(turns=TURNED)
def test_two_clients_and_a_replay_from_the_disk_agree(turns: list, fresh: RunFolder) -> None:
    clear(fresh)
    with Journal(fresh, user="Ada") as one, Journal(fresh, user="Bo") as two:
        for user, operation in turns:
            act(one if user == "Ada" else two, user, operation)
        with Journal(fresh) as replayed:
            assert comparable(one.annotations()) == comparable(two.annotations()) == comparable(replayed.annotations())
            assert groups_of(one) == groups_of(two) == groups_of(replayed)
            assert one.revision == two.revision == replayed.revision


def test_a_snapshot_gives_what_a_replay_gives(fresh: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facies.annotations.action_log.ACTIONS_BETWEEN_SNAPSHOTS", 7)
    rng = np.random.default_rng(0)
    with Journal(fresh) as journal:
        for number in range(40):
            journal.assign(rng.choice(60, 5), f"class {number % 6}")
            if number % 5 == 0:
                journal.split(rng.choice(60, 5))
            if number % 9 == 0:
                journal.undo()
        journal.record_audit([1, 2], ["class 1", "class 2"])
        journal.exclude([1], "cut")
        live, groups = comparable(journal.annotations()), groups_of(journal)
        with Journal(fresh) as reopened:
            assert reopened._snapshot_revision > 40
            assert comparable(reopened.annotations()) == live
            assert groups_of(reopened) == groups
            while reopened.undo() is not None:
                pass
            assert not reopened.annotations().codes.any()
            assert groups_of(reopened) == fresh.partition()[0]["group"].tolist()
            number = reopened.merge([0, 1]).after["group"][0]
            assert number == journal.annotations().groups[fresh.partition()[1]["name"]].max()
            assert number > max(groups)


def test_the_class_that_one_made_stays_when_another_used_it(fresh: RunFolder) -> None:
    with Journal(fresh) as journal:
        journal.assign([1], "quartz", user="Ada")
        journal.assign([2], "quartz", user="Bo")
        journal.undo("Ada")
        annotations = journal.annotations()
        assert annotations.names[[1, 2]].tolist() == ["", "quartz"]
        journal.undo("Bo")
        assert journal.annotations().classes.empty
        journal.assign([3], "quartz", user="Ada")
        assert journal.annotations().classes["id"].tolist() == [1]  # the same class, with the same number


def test_what_was_undone_cannot_be_done_again_after_something_else(fresh: RunFolder) -> None:
    with Journal(fresh) as journal:
        journal.assign([1], "quartz", user="Ada")
        journal.undo("Ada")
        journal.assign([2], "chert", user="Bo")
        assert journal.redo("Ada") is not None
        journal.undo("Ada")
        journal.assign([3], "chert", user="Ada")
        assert journal.redo("Ada") is None


def test_threads_share_a_journal(fresh: RunFolder) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with Journal(fresh) as journal, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda row: journal.assign([row], f"class {row % 5}"), range(60)))
        assert journal.revision == 60
        assert journal.annotations().names.tolist() == [f"class {row % 5}" for row in range(60)]
