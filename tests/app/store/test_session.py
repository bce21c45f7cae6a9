"""The options of a session of PostgreSQL without a pooler, and those that DATABASE_URL adds."""

from sqlalchemy import make_url, text

from app.config import Settings
from app.store.engine import make_engine, transaction


def test_options_of_the_url_are_kept_beside_ours_and_win(settings: Settings) -> None:
    options = "-c work_mem=7MB -c lock_timeout=1234"
    url = make_url(settings.database_url).update_query_dict({"options": options})
    engine = make_engine(settings.model_copy(update={"database_url": url.render_as_string(hide_password=False)}))
    with transaction(engine) as connection:
        shown = [connection.scalar(text(f"SHOW {name}")) for name in ("work_mem", "lock_timeout", "statement_timeout")]
    engine.dispose()
    assert shown == ["7MB", "1234ms", "30s"]
