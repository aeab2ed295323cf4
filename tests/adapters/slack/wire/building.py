"""What owners of workspaces do: people, channels, groups, installations."""

from __future__ import annotations

from collections.abc import Iterable

from tests.adapters.slack.wire.messages import File
from tests.adapters.slack.wire.owning import Owning
from tests.adapters.slack.wire.world import Channel, Install, Kind, Team, User, UserGroup, World


class Building(Owning):
    """Mixed into the server."""

    world: World

    @property
    def team(self) -> Team:
        """The first workspace."""
        return next(iter(self.world.teams.values()))

    def create_team(self, name: str, *, has_user_groups: bool = True) -> Team:
        """A workspace the app is not installed in."""
        made = Team(self.world.new_id("T"), name, name.lower().replace(" ", "-"), has_user_groups)
        self.world.teams[made.id] = made
        return made

    def install(self, team: Team, *, scopes: Iterable[str] | None = None) -> Install:
        """Let the app be in a workspace, with a bot and a token of its own."""
        return self.world.install(team, scopes)

    def create_user(
        self,
        name: str,
        *,
        is_admin: bool = False,
        is_owner: bool = False,
        is_guest: bool = False,
        is_single_channel_guest: bool = False,
        is_bot: bool = False,
        deleted: bool = False,
        team: Team | None = None,
    ) -> User:
        """Somebody of a workspace, the first if none is given."""
        made = User(self.world.new_id("U"), (team or self.team).id, name, name.capitalize())
        made.is_admin, made.is_owner, made.is_bot, made.deleted = is_admin, is_owner, is_bot, deleted
        made.is_restricted = is_guest or is_single_channel_guest
        made.is_ultra_restricted = is_single_channel_guest
        made.bot_id = self.world.new_id("B") if is_bot else ""
        self.world.users[made.id] = made
        return made

    def create_channel(
        self,
        name: str = "general",
        *,
        members: Iterable[User] = (),
        kind: Kind = "channel",
        has_bot: bool = True,
        team: Team | None = None,
        shared_with: Iterable[Team] = (),
        is_archived: bool = False,
    ) -> Channel:
        """A channel with people, and the bot of each workspace it is in, unless `has_bot` is False."""
        home = team or self.team
        made = Channel(self.world.new_id("C"), kind, name, home.id, [one.id for one in members])
        made.shared_with = [one.id for one in shared_with]
        made.creator = made.members[0] if made.members else ""
        made.is_archived = is_archived
        if has_bot:
            teams = (home.id, *made.shared_with)
            made.members += [one.user for one in self.world.installs.values() if one.team in teams]
        self.world.channels[made.id] = made
        return made

    def create_group(self, handle: str, *, users: Iterable[User] = (), team: Team | None = None) -> UserGroup:
        made = UserGroup(self.world.new_id("S"), (team or self.team).id, handle, handle.capitalize())
        made.users = [one.id for one in users]
        self.world.groups[made.id] = made
        return made

    def create_file(
        self, user: User, name: str, content: bytes = b"", *, mimetype: str = "text/plain", access: str = ""
    ) -> File:
        """A file to say something with."""
        made = File(self.world.new_id("F"), user.team, user.id, name, content, mimetype, access=access)
        made.url = f"{self.world.base_url}/files-pri/{made.team}-{made.id}/{name}"
        self.world.files[made.id] = made
        return made
