"""Tests of what operators load into Prometheus, Grafana and packages. The modules beside this one are imported by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
