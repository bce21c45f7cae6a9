"""Configuration of Flower: `celery -A tasks flower --conf=flowerconfig.py`.

Flower reads this file before it builds its application, so the Grouping tab and its metrics can be added without a fork.
Options of Flower stand here by their names; FLOWER_* variables and the command line win over them.
"""

import os

from tasks.flower.guard import never_serve_openly
from tasks.flower.install import install

# Flower shows arguments and can stop workers: nobody else on the network, and no buttons, unless somebody says so.
address = os.environ.get("FLOWER_ADDRESS") or "127.0.0.1"
read_only = os.environ.get("FLOWER_READ_ONLY", "true").lower() not in ("false", "0", "no", "off")

never_serve_openly()
install()
