"""The API over HTTP: routes, bounds on input, access, errors."""
