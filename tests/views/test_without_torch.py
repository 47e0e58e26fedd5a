# SPDX-License-Identifier: Apache-2.0
"""An atlas is read, drawn, exported and served on a machine that has no torch."""

import subprocess
import sys

BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "timm", "skimage", "sklearn"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Block())
import pellucid.figures, pellucid.figures.sheet, pellucid.figures.stamp, pellucid.records, pellucid.store
from pellucid.views import app, export, verify
app(sys.argv[1])
assert export(sys.argv[1], sys.argv[2]).files > 100
assert verify(sys.argv[2]) == []
assert "torch" not in sys.modules
print("done")
"""


def test_views_store_and_figures_work_without_torch(atlas_path, tmp_path):
    command = [sys.executable, "-W", "error", "-c", BLOCKED, atlas_path, tmp_path / "site"]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout == "done\n"
