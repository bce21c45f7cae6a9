"""Chaos on many hosts: network namespaces on one machine, a bridge between them, and faults of networks.

    make hosts [ARGS="--seconds 60 --seed 7"]      as root on Linux; elsewhere the command prints that it is skipped

Two web hosts and three worker hosts, each a namespace with an address; the databases' two addresses are on the bridge.
"""
