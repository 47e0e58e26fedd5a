# SPDX-License-Identifier: Apache-2.0
"""Of each bin and unit the nine spots of smallest ticket: a fair sample of the inputs at each height."""

from __future__ import annotations

import numpy as np

from pellucid.scan.draw import Tickets
from pellucid.scan.responses import Floats, Integers

__all__ = ["LEVEL_ITEMS", "NO_TICKET", "Levels"]

LEVEL_ITEMS = 9
# An item may have this ticket too: how many of a cell's nine places are taken is told by its count.
NO_TICKET = np.uint32(0xFFFFFFFF)


class Levels:
    """The tickets and responses that are kept, by cell (bin and unit, laid flat); in each cell ascending by ticket.

    Attributes
    ----------
    tickets, responses : (cells, 9); NO_TICKET and 0 in places that are not taken
    """

    def __init__(self, cells: int = 0) -> None:
        self.tickets: Tickets = np.full((cells, LEVEL_ITEMS), NO_TICKET, np.uint32)
        self.responses: Floats = np.zeros((cells, LEVEL_ITEMS), np.float32)

    def grow(self, cells: int) -> None:
        """Room for so many cells in all."""
        if cells > len(self.tickets):
            more = Levels(cells - len(self.tickets))
            self.tickets = np.concatenate([self.tickets, more.tickets])
            self.responses = np.concatenate([self.responses, more.responses])

    def settle(self, order: Integers, units: int) -> None:
        """Bring the rows of `units` cells each into this order."""
        if not np.array_equal(order, np.arange(len(order))):
            cells = (order[:, None] * units + np.arange(units)).ravel()
            self.tickets, self.responses = self.tickets[cells], self.responses[cells]

    def enter(self, cells: Integers, tickets: Tickets, responses: Floats) -> None:
        """Take in (m,) spots; a ticket comes to a cell once only."""
        # Soon nearly every spot comes too late: one comparison settles it.
        early = np.flatnonzero(tickets <= self.tickets[cells, -1])
        if not len(early):
            return
        cells, tickets, responses = cells[early], tickets[early], responses[early]
        order = np.lexsort((tickets, cells))
        cells, tickets, responses = cells[order], tickets[order], responses[order]
        first = np.concatenate([[True], cells[1:] != cells[:-1]])
        starts = np.flatnonzero(first)
        turns = np.arange(len(cells)) - starts[np.cumsum(first) - 1]
        for turn in range(min(LEVEL_ITEMS, int(turns.max()) + 1)):
            now = np.flatnonzero(turns == turn)
            self._place(cells[now], tickets[now], responses[now])

    def _place(self, cells: Integers, tickets: Tickets, responses: Floats) -> None:
        """One spot each for cells that are all different."""
        # The new one first and the order stable: should it have NO_TICKET, it comes before places that are not taken.
        all_tickets = np.concatenate([tickets[:, None], self.tickets[cells]], 1)
        all_responses = np.concatenate([responses[:, None], self.responses[cells]], 1)
        order = np.argsort(all_tickets, 1, kind="stable")[:, :LEVEL_ITEMS]
        self.tickets[cells] = np.take_along_axis(all_tickets, order, 1)
        self.responses[cells] = np.take_along_axis(all_responses, order, 1)
