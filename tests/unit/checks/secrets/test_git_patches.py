"""Test cases for reading git's added lines as they come."""

from __future__ import annotations

from l9.checks.secrets import patch_commands as patches
from l9.checks.secrets.patch_commands import Added

LOG = (
    rb"""commit aaa

diff --git a/api/x.py b/api/x.py
index 1..2 100644
--- a/api/x.py
+++ b/api/x.py
@@ -3 +3 @@ def f():
-old
+++ not a header
@@ -9,2 +9,0 @@
-gone
--- gone too
@@ -20,0 +19,2 @@
+one
\ No newline at end of file
+two
commit bbb

diff --git "a/two\nlines \303\244\"" "b/two\nlines \303\244\""
new file mode 100644
--- /dev/null
+++ "b/two\nlines \303\244\""
@@ -0,0 +1 @@
+x
diff --git a/a b.bin b/a b.bin
Binary files /dev/null and b/a b.bin differ
diff --git a/old.bin b/old.bin
Binary files a/old.bin and /dev/null differ
diff --git a/a b.py b/a b.py
--- a/a b.py"""
    + b"\t\n+++ b/a b.py\t\n@@ -1 +1 @@\n-a\n+b\r\n"
)


def test_added_lines_with_their_place() -> None:
    assert list(patches.parse_added(LOG.splitlines(keepends=True))) == [
        Added("aaa", b"api/x.py", 3, b"++ not a header"),
        Added("aaa", b"api/x.py", 19, b"one"),
        Added("aaa", b"api/x.py", 20, b"two"),
        Added("bbb", b'two\nlines \xc3\xa4"', 1, b"x"),
        Added("bbb", b"a b.bin", 0, b""),
        Added("bbb", b"a b.py", 1, b"b\r"),
    ]


def test_the_whole_history_or_what_came_since() -> None:
    assert patches.log_added("bbb", "aaa")[-2:] == ("aaa..bbb", "--")
    assert patches.log_added("bbb")[-2:] == ("bbb", "--")


def test_lines_of_a_tree() -> None:
    argv = patches.grep_lines("a|b", "ccc", ["x y", "-z"])
    assert argv[-7:] == (
        "-e",
        "a|b",
        "ccc",
        "--",
        ":/",
        ":(exclude,top,literal)x y",
        ":(exclude,top,literal)-z",
    )
    out = [b"ccc:a:b.py\x0012\x00x = 1\x002\n", b"ccc:d\n", b"e\x003\x00\n"]
    assert list(patches.parse_lines(out, "ccc")) == [
        Added("", b"a:b.py", 12, b"x = 1\x002"),
        Added("", b"d\ne", 3, b""),
    ]
