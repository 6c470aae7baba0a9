"""The process that owns one camera and its boards, opens them once, and hosts a session per box.

`python -m rig.station RIG` runs it; `rig.channel.ensure(RIG)` finds or starts it and asks it.
"""
