from hypothesis import given
from hypothesis import strategies as st

from bot.askers import EVERYTHING, Audience, Member, Operator, Scope, visible_to

few = st.integers(1, 5)
sets = st.none() | st.frozensets(few)
bounds = st.none() | few
scopes = st.builds(
    Scope,
    guild_ids=sets,
    channel_ids=sets,
    author_ids=sets,
    after_id=bounds,
    before_id=bounds,
    excluded_ids=st.frozensets(few),
)
places = st.fixed_dictionaries({"message_id": few, "guild_id": few, "channel_id": few, "author_id": few})

HERE = {"message_id": 5, "guild_id": 1, "channel_id": 2, "author_id": 3}


@given(scopes, scopes, places)
def test_both_scopes_admit_what_each_admits(one, other, place):
    """Two scopes together admit a message exactly if each of them does."""
    assert (one & other).admits(**place) == (one.admits(**place) and other.admits(**place))


@given(scopes, scopes)
def test_the_order_of_scopes_does_not_matter(one, other):
    """Two scopes are the same limit either way round."""
    assert one & other == other & one


@given(scopes)
def test_everything_sets_no_limit(scope):
    """A scope without limits leaves another one as it is."""
    assert scope & EVERYTHING == scope == EVERYTHING & scope


@given(scopes)
def test_a_scope_twice_is_the_scope(scope):
    """Saying a limit twice changes nothing."""
    assert scope & scope == scope


def test_an_empty_set_stays_empty():
    """A scope that admits no channel admits none beside any other, where None would admit all."""
    nothing = Scope(channel_ids=frozenset())

    assert (nothing & EVERYTHING).channel_ids == frozenset()
    assert (Scope(channel_ids=frozenset({2})) & nothing).channel_ids == frozenset()
    assert not (nothing & EVERYTHING).admits(**HERE)


def test_sets_without_a_common_member_admit_nothing():
    """Two servers at once are none."""
    both = Scope(guild_ids=frozenset({1})) & Scope(guild_ids=frozenset({2}))

    assert both == Scope(guild_ids=frozenset())


def test_every_field_is_narrowed():
    """Sets meet, the later beginning and the earlier end count, and exclusions add up."""
    one = Scope(
        guild_ids=frozenset({1, 2}),
        channel_ids=frozenset({3, 4}),
        author_ids=frozenset({5, 6}),
        after_id=10,
        before_id=90,
        excluded_ids=frozenset({11}),
    )
    other = Scope(
        guild_ids=frozenset({2, 3}),
        channel_ids=frozenset({4}),
        after_id=20,
        before_id=80,
        excluded_ids=frozenset({12}),
    )

    assert one & other == Scope(
        guild_ids=frozenset({2}),
        channel_ids=frozenset({4}),
        author_ids=frozenset({5, 6}),
        after_id=20,
        before_id=80,
        excluded_ids=frozenset({11, 12}),
    )


def test_the_first_id_is_in_and_the_last_is_out():
    """A span of ids holds its beginning and not its end."""
    scope = Scope(after_id=5, before_id=7)

    assert [scope.admits(**HERE | {"message_id": i}) for i in (4, 5, 6, 7)] == [False, True, True, False]


def test_a_bound_of_0_is_a_bound():
    """Before id 0 there is nothing, which differs from no bound at all."""
    assert not (Scope(before_id=0) & Scope(before_id=9)).admits(**HERE)
    assert (Scope(after_id=0) & EVERYTHING).after_id == 0


def test_the_operator_sees_everything():
    """Whoever has the database is shown all of it."""
    assert visible_to(Operator()) == EVERYTHING
    assert visible_to(Operator()).admits(**HERE)


def test_a_member_sees_their_channels_of_their_server():
    """A member sees the channels that they may read, in their own server only."""
    scope = visible_to(Member(guild_id=1, user_id=9, channel_ids=frozenset({2, 4})))

    assert scope == Scope(guild_ids=frozenset({1}), channel_ids=frozenset({2, 4}))
    assert scope.admits(**HERE)
    assert not scope.admits(**HERE | {"channel_id": 3})
    assert not scope.admits(**HERE | {"guild_id": 2})


def test_a_member_without_channels_sees_nothing():
    """A member who may read no channel is shown no message, not every one."""
    assert not visible_to(Member(guild_id=1, user_id=9, channel_ids=frozenset())).admits(**HERE)


@given(scopes, places)
def test_a_wish_never_widens_what_a_member_sees(wish, place):
    """Whatever a member asks for, nothing beyond their channels is admitted."""
    visible = visible_to(Member(guild_id=1, user_id=9, channel_ids=frozenset({2, 4})))

    assert visible.admits(**place) or not (visible & wish).admits(**place)


def test_an_audience_sees_what_all_of_it_may_read():
    """Everyone in a channel sees the channels that all may read, in their own server only."""
    scope = visible_to(Audience(guild_id=1, channel_ids=frozenset({2, 4})))

    assert scope == visible_to(Member(guild_id=1, user_id=9, channel_ids=frozenset({2, 4})))
    assert scope.admits(**HERE)
    assert not scope.admits(**HERE | {"channel_id": 3})
    assert not scope.admits(**HERE | {"guild_id": 2})


def test_an_audience_without_channels_sees_nothing():
    """Where nothing may be read by all, nothing is shown."""
    assert not visible_to(Audience(guild_id=1, channel_ids=frozenset())).admits(**HERE)


@given(st.frozensets(few), st.frozensets(few), places)
def test_what_is_shared_is_seen_by_the_asker_and_by_the_audience(asked, heard, place):
    """An asker's and an audience's view together admit what each of them admits."""
    asker, audience = Member(1, 9, asked), Audience(1, heard)
    both = visible_to(asker) & visible_to(audience)

    assert both.admits(**place) == (place["guild_id"] == 1 and place["channel_id"] in asked & heard)
