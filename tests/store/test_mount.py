# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from pellucid.errors import StorageError
from pellucid.store.mount import refuse_network_folder

MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw shared:2 - nfs4 server:/home rw
31 30 8:2 / /home/me/local\040disk rw - xfs /dev/sdb rw
32 22 0:41 / /mnt/share rw - cifs //server/share rw
33 22 0:42 / /mnt/share rw - tmpfs none rw
34 22 0:43 / /mnt/fuse rw master:4 propagate_from:2 - fuse.sshfs me@server: rw
"""


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("/tmp", None),
        ("/home", "nfs4"),
        ("/home/me/work", "nfs4"),
        ("/home/me/local disk/work", None),
        ("/homestead", None),
        ("/mnt/share", None),  # a later mount hides the earlier one
        ("/mnt/fuse/a/b", "fuse.sshfs"),
    ],
)
def test_a_network_folder_is_refused(tmp_path, folder, found):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    if found is None:
        refuse_network_folder(Path(folder), mounts)
    else:
        with pytest.raises(StorageError, match=rf"network file system \({found}\).*local disk"):
            refuse_network_folder(Path(folder), mounts)


def test_where_mounts_are_not_listed_nothing_is_refused(tmp_path):
    refuse_network_folder(tmp_path, tmp_path / "missing")
    refuse_network_folder(tmp_path)
