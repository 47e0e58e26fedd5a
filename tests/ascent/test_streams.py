# SPDX-License-Identifier: Apache-2.0
"""One random stream for each goal and purpose, the same in every process."""

import subprocess
import sys

from pellucid.ascent.streams import stream


def test_a_stream_depends_on_seed_and_each_name():
    draws = {
        names: stream(*names).random(4).tolist()
        for names in [
            (0, "a", "start"),
            (1, "a", "start"),
            (0, "b", "start"),
            (0, "a", "transforms"),
            (0, "a,start"),
            (0, "as", "tart"),
        ]
    }
    assert len({tuple(each) for each in draws.values()}) == 6
    assert stream(0, "a", "start").random(4).tolist() == draws[0, "a", "start"]


def test_a_stream_is_the_same_in_another_process():
    code = "from pellucid.ascent.streams import stream; print(stream(3, 'features.7:1').integers(2**60))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == stream(3, "features.7:1").integers(2**60)
