"""HTTP code that API, OTLP, pages and front share: keys, limits, bodies, routes, problems, and the OpenAPI document."""
