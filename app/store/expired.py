"""The counts that versions keep of calls that retention removes."""


def noting(calls: str) -> str:
    """SQL that adds up the number of removed calls of each version, with the times of the first and the last.

    calls: a name of ours within the surrounding statement, for rows with implementation_id and seen_at.
    """
    return f"""
       INSERT INTO expired_calls (implementation_id, calls, first_seen, last_seen)
       SELECT implementation_id, count(*), min(seen_at), max(seen_at) FROM {calls}
        WHERE implementation_id IS NOT NULL GROUP BY implementation_id ORDER BY implementation_id
       ON CONFLICT (implementation_id) DO UPDATE SET
         calls = expired_calls.calls + excluded.calls,
         first_seen = least(expired_calls.first_seen, excluded.first_seen),
         last_seen = greatest(expired_calls.last_seen, excluded.last_seen)
    """  # noqa: S608  ours
