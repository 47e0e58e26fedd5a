# SPDX-License-Identifier: Apache-2.0
"""Follows which pixels reach each element of each tensor, and which axis is what, through one forward pass.

`flow` is the value; `windows`, `sums`, `moves`, `pointwise` are the rules by family, `rules` the table of them;
`observer` sees every operation of a pass.
"""
