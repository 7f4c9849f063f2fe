"""The answer of each command, one file a topic: the same objects on the wire, in `--json`, and in `l9 schema`.

Times are seconds since the epoch, durations seconds, sizes bytes. Within `/1`, fields are only added.
"""
