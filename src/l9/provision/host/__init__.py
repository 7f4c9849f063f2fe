"""The program that runs on the host: standard library only, Python 3.9 or newer, sent over ssh, never installed.

These modules import nothing of l9 but each other. `program.py` packs them into one text for `python3 -`.
"""
