"""A study's database: what was planned, allocated, given and decided, and who changed it when."""

from protocols.store.giving import Given, finish, give
from protocols.store.opening import Store, create, open_store, to_url
from protocols.store.people import ROLES, hash_pin, is_pin
from protocols.store.trail import Change, Fault, verify

__all__ = [
    "ROLES",
    "Change",
    "Fault",
    "Given",
    "Store",
    "create",
    "finish",
    "give",
    "hash_pin",
    "is_pin",
    "open_store",
    "to_url",
    "verify",
]
