"""Blocks of prompts that a replica has computed and keeps: a request skips those at the beginning of its own.

A block is known by a hash of all tokens up to its end. Those used last are kept: entries of a ring of neighbours, found
through a table with open addressing that is never more than half full. Blocks come in when the prompt has been
computed, and only whole ones. The first block of a prompt counts as used after the others, for without it they are of
no use.
"""

from typing import Any

import numpy as np

from sim.serving.compiler import entry, full_helper, helper
from sim.serving.layout import NONE

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@full_helper(otherwise=0)
def kept_tokens(plane: Any, replica: Any, request: Any) -> int:
    """Tokens of the longest prefix of a prompt that a replica keeps: whole blocks of it, and never all of it."""
    service = entry(plane.services, replica.service)
    cache = entry(plane.prefixes, replica.prefix)
    first = plane.hash_rows[service.first_hash_row + request.index]
    hits, most = 0, (request.prompt - 1) // service.prefix_size
    while hits < most and held_in(plane, cache, slot_of(plane, cache, plane.hashes[first + hits])) != NONE:
        hits += 1
    return hits * service.prefix_size


@full_helper()
def keep_prompt(plane: Any, replica: Any, request: Any) -> None:
    """A prompt has been computed: its whole blocks are those used last, the first of them last of all."""
    service = entry(plane.services, replica.service)
    cache = entry(plane.prefixes, replica.prefix)
    first = plane.hash_rows[service.first_hash_row + request.index]
    for place in range(request.prompt // service.prefix_size - 1, -1, -1):
        use(plane, cache, plane.hashes[first + place])


@full_helper()
def forget_prompts(plane: Any, replica: Any) -> None:
    """A replica that is gone keeps nothing."""
    if replica.prefix == NONE:
        return
    cache = entry(plane.prefixes, replica.prefix)
    cache.used = 0
    cache.newest = cache.oldest = NONE
    for slot in range(cache.slots):
        entry(plane.blocks, cache.first + slot).held = NONE


@helper
def home_of(cache: Any, block_hash: int) -> int:
    """The slot of the table at which a hash is looked for first."""
    return np.int64((np.uint64(block_hash) * _GOLDEN) >> np.uint64(cache.shift))  # type: ignore[return-value]


@helper
def held_in(plane: Any, cache: Any, slot: int) -> int:
    """The entry that a slot of the table leads to; NONE where it is empty."""
    return entry(plane.blocks, cache.first + slot).held


@full_helper(otherwise=NONE)
def slot_of(plane: Any, cache: Any, block_hash: int) -> int:
    """The slot of the table that holds a hash, or the empty one in which it would be put."""
    slot = home_of(cache, block_hash)
    while True:
        held = held_in(plane, cache, slot)
        if held == NONE or entry(plane.blocks, cache.first + held).hash == block_hash:
            return slot
        slot = (slot + 1) & (cache.slots - 1)


@full_helper()
def use(plane: Any, cache: Any, block_hash: int) -> None:
    """A block is the one used last; if it is new and all entries are taken, the one used longest ago makes room."""
    held = held_in(plane, cache, slot_of(plane, cache, block_hash))
    if held != NONE:
        leave_neighbours(plane, cache, held)
    else:
        if cache.used < cache.entries:
            held = cache.used
            cache.used += 1
        else:
            held = cache.oldest
            leave_neighbours(plane, cache, held)
            empty_slot(plane, cache, slot_of(plane, cache, entry(plane.blocks, cache.first + held).hash))
        entry(plane.blocks, cache.first + slot_of(plane, cache, block_hash)).held = held
        entry(plane.blocks, cache.first + held).hash = block_hash
    become_newest(plane, cache, held)


@helper
def leave_neighbours(plane: Any, cache: Any, held: int) -> None:
    """Take an entry out of the order of use."""
    block = entry(plane.blocks, cache.first + held)
    if block.older == NONE:
        cache.oldest = block.newer
    else:
        entry(plane.blocks, cache.first + block.older).newer = block.newer
    if block.newer == NONE:
        cache.newest = block.older
    else:
        entry(plane.blocks, cache.first + block.newer).older = block.older


@helper
def become_newest(plane: Any, cache: Any, held: int) -> None:
    """Put an entry at the end of the order of use."""
    block = entry(plane.blocks, cache.first + held)
    block.older, block.newer = cache.newest, NONE
    if cache.newest == NONE:
        cache.oldest = held
    else:
        entry(plane.blocks, cache.first + cache.newest).newer = held
    cache.newest = held


@full_helper()
def empty_slot(plane: Any, cache: Any, slot: int) -> None:
    """Empty a slot of the table, and move up what would not be found behind it."""
    at, last = slot, cache.slots - 1
    while True:
        at = (at + 1) & last
        held = held_in(plane, cache, at)
        if held == NONE:
            break
        home = home_of(cache, entry(plane.blocks, cache.first + held).hash)
        if ((at - home) & last) >= ((at - slot) & last):
            entry(plane.blocks, cache.first + slot).held = held
            slot = at
    entry(plane.blocks, cache.first + slot).held = NONE
