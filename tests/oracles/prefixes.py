"""Blocks of prompts that a replica keeps, in plain Python."""

import math


class Prefixes:
    """The part of the oracle that skips the beginning of a prompt where its blocks are kept."""

    def hashes(self, prefixes, request):
        first = prefixes.rows[request.index]
        return prefixes.hashes[first : first + request.prompt // prefixes.size].tolist()

    def kept(self, replica, request):
        prefixes, hits = replica.service.plan.prefix_blocks, 0
        for block in self.hashes(prefixes, request):
            if block not in replica.kept:
                break
            hits += 1
        return min(hits, (request.prompt - 1) // prefixes.size) * prefixes.size

    def count_skipped(self, request, cached):
        if math.isnan(request.start):
            self.admitted_tokens += request.prompt
            self.skipped_tokens += cached

    def keep_prompts(self, replica):
        """The last admitted first, and of each the last block first: what is used last is kept longest."""
        prefixes = replica.service.plan.prefix_blocks
        for request in reversed(replica.prefilling) if prefixes else ():
            for block in reversed(self.hashes(prefixes, request)):
                replica.kept.pop(block, None)
                replica.kept[block] = True
                if len(replica.kept) > prefixes.kept:
                    replica.kept.popitem(last=False)
