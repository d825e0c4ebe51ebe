"""What is loaded is moved onto large pages where the system has some, and is the same afterwards."""

import sys

from trimtab.core.large_pages import PAGE, own_memory, use_large_pages

MAPS = """\
00400000-0041f000 r--p 00000000 fe:00 123                              /usr/bin/python3.11
27345000-28a18000 rw-p 00000000 00:00 0                                  [heap]
7f6c0c000000-7f6c0c59b000 rw-p 00000000 00:00 0
7f6c0c59b000-7f6c10000000 ---p 00000000 00:00 0
7f6c15f7f000-7f6c1607f000 rw-p 00000000 00:00 0
7f6c17123000-7f6c179f9000 rw-p 00000000 fe:00 9                        /usr/lib/a library.so
7f6c18b87000-7f6c19192000 rw-s 00000000 00:01 7                        /dev/zero (deleted)
7ffd0a000000-7ffd0a800000 rw-p 00000000 00:00 0                          [stack]
"""


def test_only_whole_large_pages_of_a_process_own_memory_are_chosen() -> None:
    assert list(own_memory(MAPS)) == [(0x27400000, 0x28A00000), (0x7F6C0C000000, 0x7F6C0C400000)]
    assert list(own_memory("nonsense\n\n")) == []


def test_what_is_in_memory_stays_what_it_was() -> None:
    blocks = [bytes([number % 251]) * 1000 for number in range(8 * PAGE // 1000)]
    made = use_large_pages()
    assert made >= 0
    assert all(block == bytes([number % 251]) * 1000 for number, block in enumerate(blocks))
    if sys.platform != "linux":
        assert made == 0
