"""Many hosts on one machine: network namespaces, a bridge between them, and what only networks do to them.

    make hosts [ARGS="--seconds 60 --seed 7"]      as root on Linux; says that it skips elsewhere

Two web hosts and three worker hosts, each a namespace with an address; the databases' two addresses are on the bridge.
"""
