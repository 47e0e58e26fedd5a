# SPDX-License-Identifier: Apache-2.0
import random
import re
import sqlite3

from pellucid.cli.running import run
from pellucid.store import Atlas


def blob_places(path):
    """Where in the file the bytes of each blob begin, for the blobs that lie in one piece."""
    with Atlas.open(path) as atlas:
        blobs = [atlas.blob(name) for name in atlas.blob_hashes()]
    content = path.read_bytes()
    return {blob.hash: (content.find(blob.data), len(blob.data)) for blob in blobs if blob.data in content}


def test_every_flipped_byte_in_a_blob_is_found(copy):
    places = blob_places(copy)
    assert len(places) > 30
    sound = copy.read_bytes()
    rnd = random.Random(5)
    for name, (start, length) in rnd.sample(sorted(places.items()), 25):
        rotten = bytearray(sound)
        rotten[start + rnd.randrange(length)] ^= 1 << rnd.randrange(8)
        copy.write_bytes(rotten)
        with Atlas.open(copy) as atlas:
            said = atlas.verify()
        assert said[0].endswith(f"blob '{name}' is not as it was written")
        assert all(name in line for line in said), (
            said
        )  # nothing else is accused but the records that show it


def test_all_damage_is_told_at_once(copy):
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.execute("UPDATE record SET json = replace(json, 'noise', 'voice') WHERE unit = 1 AND kind = 2")
    connection.execute("UPDATE blob SET data = x'00' WHERE rowid IN (3, 4)")
    connection.execute("DELETE FROM blob WHERE rowid = 5")
    connection.execute("DELETE FROM layer WHERE name = 'logits'")
    connection.execute("UPDATE item SET name = 'other' WHERE id = 2")
    connection.execute("UPDATE about SET json = '{}' WHERE name = 'plan'")
    connection.close()
    with Atlas.open(copy) as atlas:
        said = "\n".join(atlas.verify())
    assert len(re.findall(r"blob '\w+' is not as it was written", said)) == 2
    assert "is damaged: record 'conv1:1:optimum' is not" in said
    assert re.search(r"shows blob \w+, which is not there whole", said)
    assert "belongs to no layer" in said
    assert "item '2:other'" in said
    assert "about 'plan:{}'" in said


def test_a_broken_page_does_not_stop_the_search(copy):
    content = bytearray(copy.read_bytes())
    middle = len(content) // 2 // 8192 * 8192
    content[middle : middle + 64] = bytes(64)
    copy.write_bytes(content)
    with Atlas.open(copy) as atlas:
        assert atlas.verify()


def test_a_sound_atlas_has_no_problems(finished):
    with Atlas.open(finished) as atlas:
        assert atlas.verify() == []


def test_a_cut_file_is_not_sent_to_verify_by_verify(copy, capsys):
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2 // 4096 * 4096 + 100])
    assert run(["store", "verify", str(copy)]) in (2, 74)
    said = capsys.readouterr().err
    assert "damaged" in said
    assert "restore it from a copy" in said
    assert "store verify" not in said
