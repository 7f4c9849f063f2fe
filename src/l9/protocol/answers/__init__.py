"""What each command answers, one file a topic: the same objects on the wire, on the screen as JSON, in `l9 schema`.

Times are seconds since the epoch, durations seconds, sizes bytes. A `/1` only ever gets more fields.
"""
