"""The ports of a local instance."""

from pathlib import Path

from app.config import Settings
from app.local.instance import Instance


def test_a_port_of_0_is_any_free_port_which_the_addresses_name(settings: Settings, tmp_path: Path) -> None:
    anywhere = settings.model_copy(update={"port": 0, "flower_port": 0, "promptlode_data_dir": tmp_path})
    instance = Instance(anywhere, "default")
    ports = {int(url.rpartition(":")[2]) for url in (instance.url, instance.flower_url)}
    assert len(ports) == 2
    assert 0 not in ports
