"""What API, OTLP, pages and front share of HTTP: keys, limits, bodies, routes, problems, and the document that describes them."""
