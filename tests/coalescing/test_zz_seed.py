import pytest
from tests.coalescing import test_model_on_servers as m
from tasks.coalescing import protocol, turns
def test_seed(redis_client, engine, monkeypatch):
    out=[]
    for mutation,(name,line,broken,seed) in m.BROKEN_SCRIPTS.items():
        original=protocol.source
        with monkeypatch.context() as mp:
            for r in (protocol,turns): mp.setattr(r,"source",lambda f: original(f).replace(line, broken if f==name else line))
            for s in [seed,*range(500)]:
                try: m.walk(redis_client,engine,s)
                except AssertionError: break
            if s!=seed: out.append((mutation,seed,s)); print(mutation,seed,s,flush=True)
from tests.coalescing.test_model_on_servers import engine
