"""The product without its background work, which is in `tasks`.

Import-free on purpose: an application factory here would make the Celery worker import Flask, and a
worker that imports a factory that imports the worker is a circular import. `app.web.create_app` is the factory.
"""
