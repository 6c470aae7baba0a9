"""Messages between a station and whoever watches it: a socket file or named pipe of the same user.

A client sends one message and gets one reply. A station never waits for a client, and nothing
that a client sends or fails to read changes more than that client's own connection.
"""

from rig.channel.client import ChannelClient, connect, ensure
from rig.channel.entries import Claim, Entry, claim, entries, find, runtime_folder, spell_source
from rig.channel.messages import VERSION, Message
from rig.channel.server import ChannelServer

__all__ = [
    "VERSION",
    "ChannelClient",
    "ChannelServer",
    "Claim",
    "Entry",
    "Message",
    "claim",
    "connect",
    "ensure",
    "entries",
    "find",
    "runtime_folder",
    "spell_source",
]
