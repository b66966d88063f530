"""The methods that WCS calls, as `docs/reference/wcs-protocol.md` section 2 lists them."""

import pytest

from wcs_hooks.core.methods import (
    CANONICAL_METHODS,
    METHODS,
    SPELLINGS,
    Category,
    methods_of,
    spellings_of,
)

_TYPES = {
    Category.CONNECT: "connect",
    Category.DIRECT: (
        "call answer hold unhold transfer sendDTMF sendMessage sendIMDN subscribe sendXcapRequest "
        "publishStream playStream playHLS playRTSP OnDataEvent sendBugReport "
        "hangup unPublishStream stopStream"
    ),
    Category.EVENT: (
        "ConnectionStatusEvent RegistrationStatusEvent CallStatusEvent TransferStatusEvent "
        "MessageStatusEvent SubscriptionStatusEvent XcapStatusEvent StreamStatusEvent "
        "DataStatusEvent BugReportStatusEvent StreamKeepAliveEvent sendStreamEvent StreamEvent "
        "ErrorEvent"
    ),
    Category.INCOMING: "OnCallEvent OnMessageEvent OnTransferEvent",
}
_ELSEWHERE = {
    Category.DIRECT: "pauseStream snapshot pushLogs sessionDebug availableStream",
    Category.EVENT: "SessionDebugStatusEvent RecordingStatusEvent",
}
_DOCUMENTED = [
    (category, name)
    for table in (_TYPES, _ELSEWHERE)
    for category, names in table.items()
    for name in names.split()
]
_PAIRS = [
    ("sendDTMF", "sendDtmf"),
    ("sendBugReport", "submitBugReport"),
    ("ErrorEvent", "ErrorStatusEvent"),
]


@pytest.mark.parametrize(("category", "name"), _DOCUMENTED)
def test_given_a_documented_method_then_it_is_known_under_its_category(
    category: Category, name: str
) -> None:
    assert METHODS[name].category is category
    assert METHODS[name].name == name


def test_given_the_documented_methods_then_no_others_are_known() -> None:
    documented = {name for _, name in _DOCUMENTED}

    assert set(METHODS) == documented | {spelling for _, spelling in _PAIRS}


@pytest.mark.parametrize(("canonical", "other"), _PAIRS)
def test_given_two_spellings_then_one_stands_for_both(canonical: str, other: str) -> None:
    assert METHODS[other].canonical == METHODS[canonical].canonical == canonical
    assert METHODS[other] == METHODS[canonical]._replace(name=other)
    assert spellings_of(canonical) == (canonical, other)
    assert canonical in CANONICAL_METHODS
    assert other not in CANONICAL_METHODS


def test_given_a_method_of_one_spelling_then_it_stands_for_itself() -> None:
    assert spellings_of("publishStream") == ("publishStream",)
    assert set(SPELLINGS) == {other for _, other in _PAIRS}


def test_given_the_events_then_only_a_keep_alive_can_be_refused() -> None:
    assert [n for n in methods_of(Category.EVENT) if METHODS[n].refusable] == [
        "StreamKeepAliveEvent"
    ]


@pytest.mark.parametrize("category", [Category.CONNECT, Category.DIRECT, Category.INCOMING])
def test_given_what_has_not_happened_yet_then_it_can_be_refused(category: Category) -> None:
    assert all(METHODS[name].refusable for name in methods_of(category))


def test_given_what_ends_something_then_to_refuse_it_is_inadvisable() -> None:
    inadvisable = {name for name, method in METHODS.items() if not method.advisable}

    assert inadvisable == {"hangup", "unPublishStream", "stopStream"}


def test_given_the_categories_then_each_method_is_of_exactly_one() -> None:
    members = [name for category in Category for name in methods_of(category)]

    assert sorted(members) == sorted(METHODS)
    assert "sendDtmf" in methods_of(Category.DIRECT)
