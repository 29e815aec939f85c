"""Lets these tests be run from the root (`python3 -m unittest tests/lab/x_test.py`) as from here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
