"""Configuration of Flower: `celery -A tasks flower --conf=flowerconfig.py`.

Flower reads this file before it builds its application, so the Grouping tab and its metrics can be added without a fork.
Options of Flower stand here by their names (`address`, `port`, `basic_auth`, ...); FLOWER_* variables and the command
line win over them.
"""

from tasks.flower.install import install

address = "127.0.0.1"  # Flower shows arguments and can stop workers: nobody else on the network by default

install()
