"""What the product does and keeps.

Import-free on purpose: an application factory here would make the Celery worker import Flask, and a
worker that imports a factory that imports the worker is a circular import.  `app.web.create_app` is the factory.
"""
