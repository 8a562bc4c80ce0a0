"""How much memory all indexes may take together."""

from bot.index.room import Room, left_for_indexes

MIB = 2**20


def test_the_bot_itself_comes_first() -> None:
    """What the limit leaves beside 384 MiB is for indexes; a limit that the bot cannot keep leaves a little."""
    assert [left_for_indexes(limit * MIB) // MIB for limit in (1024, 512, 416, 256)] == [640, 128, 32, 32]


def test_a_claim_replaces_the_one_before() -> None:
    """Who claims more has as much as that, not as much more; what does not fit changes nothing."""
    room = Room(100 * MIB)
    assert room.claim("a", 60 * MIB)
    assert room.claim("b", 40 * MIB)
    assert not room.claim("b", 41 * MIB)
    assert room.claim("a", 50 * MIB)
    assert room.claim("b", 50 * MIB)


def test_what_is_there_counts_whether_it_fits_or_not() -> None:
    """An index that grew past the limit keeps others from being made until it goes."""
    room = Room(100 * MIB)
    room.renew("a", 200 * MIB)
    assert not room.claim("b", 1)
    room.give_back("a")
    room.give_back("a")
    assert room.claim("b", 100 * MIB)
