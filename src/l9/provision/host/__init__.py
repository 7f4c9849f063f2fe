"""What runs on the host: standard library only, Python 3.9 and newer, sent over the link and never installed.

These modules import nothing of l9 but each other. `program.py` puts them into one text for `python3 -`.
"""
